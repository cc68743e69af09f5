//! TLS of the listener, from two PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Why the listener's TLS cannot be set up. Quotes nothing of the key.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The chain cannot be read, or holds no certificate.
    #[error("there is no PEM certificate in {}", .0.display())]
    Certificate(PathBuf),
    /// The key cannot be read, or is none.
    #[error("there is no PEM private key in {}", .0.display())]
    Key(PathBuf),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used together")]
    Pair(#[from] rustls::Error),
}

/// Makes what accepts TLS connections, with HTTP/2 and HTTP/1.1 on offer.
///
/// # Errors
/// A file is not what it should be.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|_| TlsError::Certificate(certificate.to_owned()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate(certificate.to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|_| TlsError::Key(key.to_owned()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
