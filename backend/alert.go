package backend

import "strconv"

// An Alert is a TLS alert description (RFC 8446, 6; RFC 7301, 3.2). Zero,
// which is close_notify on the wire, stands for "none" in an [Error].
type Alert uint8

const (
	AlertUnexpectedMessage     Alert = 10
	AlertBadRecordMAC          Alert = 20
	AlertRecordOverflow        Alert = 22
	AlertHandshakeFailure      Alert = 40
	AlertBadCertificate        Alert = 42
	AlertUnsupportedCert       Alert = 43
	AlertCertificateRevoked    Alert = 44
	AlertCertificateExpired    Alert = 45
	AlertCertificateUnknown    Alert = 46
	AlertIllegalParameter      Alert = 47
	AlertUnknownCA             Alert = 48
	AlertAccessDenied          Alert = 49
	AlertDecodeError           Alert = 50
	AlertDecryptError          Alert = 51
	AlertProtocolVersion       Alert = 70
	AlertInsufficientSecurity  Alert = 71
	AlertInternalError         Alert = 80
	AlertInappropriateFallback Alert = 86
	AlertUserCanceled          Alert = 90
	AlertNoRenegotiation       Alert = 100
	AlertMissingExtension      Alert = 109
	AlertUnsupportedExtension  Alert = 110
	AlertUnrecognizedName      Alert = 112
	AlertBadStatusResponse     Alert = 113
	AlertUnknownPSKIdentity    Alert = 115
	AlertCertificateRequired   Alert = 116
	AlertNoApplicationProtocol Alert = 120
)

// String gives the name of the RFC, or "number N".
func (a Alert) String() string {
	switch a {
	case AlertUnexpectedMessage:
		return "unexpected_message"
	case AlertBadRecordMAC:
		return "bad_record_mac"
	case AlertRecordOverflow:
		return "record_overflow"
	case AlertHandshakeFailure:
		return "handshake_failure"
	case AlertBadCertificate:
		return "bad_certificate"
	case AlertUnsupportedCert:
		return "unsupported_certificate"
	case AlertCertificateRevoked:
		return "certificate_revoked"
	case AlertCertificateExpired:
		return "certificate_expired"
	case AlertCertificateUnknown:
		return "certificate_unknown"
	case AlertIllegalParameter:
		return "illegal_parameter"
	case AlertUnknownCA:
		return "unknown_ca"
	case AlertAccessDenied:
		return "access_denied"
	case AlertDecodeError:
		return "decode_error"
	case AlertDecryptError:
		return "decrypt_error"
	case AlertProtocolVersion:
		return "protocol_version"
	case AlertInsufficientSecurity:
		return "insufficient_security"
	case AlertInternalError:
		return "internal_error"
	case AlertInappropriateFallback:
		return "inappropriate_fallback"
	case AlertUserCanceled:
		return "user_canceled"
	case AlertNoRenegotiation:
		return "no_renegotiation"
	case AlertMissingExtension:
		return "missing_extension"
	case AlertUnsupportedExtension:
		return "unsupported_extension"
	case AlertUnrecognizedName:
		return "unrecognized_name"
	case AlertBadStatusResponse:
		return "bad_certificate_status_response"
	case AlertUnknownPSKIdentity:
		return "unknown_psk_identity"
	case AlertCertificateRequired:
		return "certificate_required"
	case AlertNoApplicationProtocol:
		return "no_application_protocol"
	}
	return "number " + strconv.Itoa(int(a))
}

// Refusal is the reason of a handshake that the peer ended with this alert.
func (a Alert) Refusal() Reason {
	switch a {
	case AlertProtocolVersion:
		return NoVersion
	case AlertNoApplicationProtocol:
		return NoALPN
	}
	return PeerRefused
}

// Fault is the reason of a handshake that we ended with this alert, as far as
// the alert tells; zero stands for a library that sent none.
func (a Alert) Fault() Reason {
	switch a {
	case AlertProtocolVersion:
		return NoVersion
	case AlertNoApplicationProtocol:
		return NoALPN
	case AlertUnrecognizedName:
		return UnknownName
	case AlertHandshakeFailure, AlertInsufficientSecurity:
		return NoCipher
	case AlertBadCertificate, AlertUnsupportedCert:
		return PeerBadCert
	case AlertInternalError, 0:
		return InternalError
	}
	return BadHandshake
}
