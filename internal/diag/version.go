package diag

// Version is the version of the project, set by the linker for a release
// (-X ucspitls/internal/diag.Version=...).
var Version = "0.1.0"
