//! The server's certificate and key, which can be exchanged while it runs.
//!
//! It does not know what is sent through TLS.

use futures_rustls::TlsAcceptor;
use futures_rustls::rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use futures_rustls::rustls::pki_types::pem::{self, PemObject as _};
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::{Error as RustlsError, InconsistentKeys, ServerConfig};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// What the server shows, in files of PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsOptions {
    /// The certificate, and after it those that lead to the one that clients trust.
    pub cert: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
}

/// What a server with TLS shows to those who connect. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<TlsAcceptor>>);

/// Why a certificate or a key cannot be used. It says which file is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read.
    Read(PathBuf, io::Error),
    /// The file is not PEM.
    Pem(PathBuf, pem::Error),
    /// There is no certificate in the file.
    NoCertificate(PathBuf),
    /// There is no private key in the file, or it is encrypted.
    NoKey(PathBuf),
    /// The key is not the one of the certificate.
    Mismatch(TlsOptions),
    /// The certificate or the key is of a kind that is not supported, or is damaged.
    Refused(TlsOptions, RustlsError),
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(options: &TlsOptions) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(load(options)?))))
    }

    /// Reads files again, the same or others, for those who connect from now on.
    ///
    /// # Errors
    /// See [`TlsError`]; then everything stays as it was.
    pub fn reload(&self, options: &TlsOptions) -> Result<(), TlsError> {
        let new = load(options)?;
        let acceptor = self.0.write();
        *acceptor.unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let acceptor = self.0.read();
        acceptor.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn load(options: &TlsOptions) -> Result<TlsAcceptor, TlsError> {
    let TlsOptions { cert, key } = options;
    let certificates = CertificateDer::pem_slice_iter(&read(cert)?).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| TlsError::Pem(cert.clone(), error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(cert.clone()));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(key.clone()),
        error => TlsError::Pem(key.clone(), error),
    })?;
    let refused = |error| match error {
        RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch(options.clone())
        }
        error => TlsError::Refused(options.clone(), error),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Whoever comes back, as all do at once after a restart of something between, is spared a
    // signature.
    config.ticketer = Ticketer::new().map_err(refused)?;
    Ok(Arc::new(config).into())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Read(path.to_owned(), error))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(file, error) => write!(f, "cannot read {}: {error}", file.display()),
            Self::Pem(file, error) => write!(f, "{} is not PEM: {error}", file.display()),
            Self::NoCertificate(file) => {
                write!(f, "there is no certificate in {}", file.display())
            }
            Self::NoKey(file) => {
                let file = file.display();
                write!(f, "there is no private key in {file}, or it is encrypted")
            }
            Self::Mismatch(TlsOptions { cert, key }) => {
                let (cert, key) = (cert.display(), key.display());
                write!(
                    f,
                    "the key in {key} is not that of the certificate in {cert}"
                )
            }
            Self::Refused(TlsOptions { cert, key }, error) => {
                let (cert, key) = (cert.display(), key.display());
                write!(
                    f,
                    "the certificate in {cert} or the key in {key} cannot be used: {error}"
                )
            }
        }
    }
}

impl std::error::Error for TlsError {}
