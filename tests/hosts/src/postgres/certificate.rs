//! The certificate of a server that speaks TLS.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::programs;

/// The certificate's file in a server's folder, which is the one authority that signed it.
pub(super) const CERTIFICATE: &str = "certificate.pem";
/// The file of its key.
pub(super) const KEY: &str = "key.pem";

/// Writes a certificate for an address, and its key, into a folder.
pub(super) fn write(folder: &Path, address: IpAddr) {
    let signed = rcgen::generate_simple_self_signed(vec![address.to_string()]).expect("a certificate");
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    fs::write(folder.join(CERTIFICATE), pem("CERTIFICATE", signed.cert.der())).expect("written");
    let key = folder.join(KEY);
    fs::write(&key, pem("PRIVATE KEY", &signed.signing_key.serialize_der())).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a mode");
    if let Some((user, group)) = programs::owner() {
        chown(&key, Some(user), Some(group)).expect("an owner");
    }
}
