//! Whom the server believes to be who they are, when it asks them something.
//!
//! It does not know what it asks.

use futures_rustls::TlsConnector;
use futures_rustls::pki_types::CertificateDer;
use futures_rustls::pki_types::pem::PemObject as _;
use futures_rustls::rustls::crypto::aws_lc_rs::default_provider;
use futures_rustls::rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Connects to those whom the authorities in this file certify, or those that the system trusts.
///
/// # Errors
/// What is wrong with the file, or that there is no authority.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let roots = match ca_file {
        Some(file) => listed(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => trusted_by_system()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

fn listed(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("a certificate in it cannot be read: {error}"))?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(roots)
}

fn trusted_by_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Systems have some that are too old to be read; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let message =
            "this system has no list of certificate authorities: name a file with ca_file";
        return Err(message.into());
    }
    Ok(roots)
}
