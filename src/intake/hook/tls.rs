//! Sets up TLS for the listener from two PEM files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::safe_file;

/// Why the listener's TLS cannot be set up. Never contains any of the key.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Every account may write the key file, and so could impersonate the listener.
    #[error("every account may write {} (mode {mode:03o})", path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The chain holds no certificate.
    #[error("there is no PEM certificate in {}", .0.display())]
    Certificate(PathBuf),
    /// The key file holds no private key.
    #[error("there is no PEM private key in {}", .0.display())]
    Key(PathBuf),
    /// The certificate and the key do not belong together, or are of an unsupported kind.
    #[error("certificate and key cannot be used together")]
    Pair(#[from] rustls::Error),
}

/// Returns an acceptor of TLS connections that offers HTTP/2 and HTTP/1.1.
///
/// # Errors
/// Returns an error if a file cannot be used, or if the two do not belong together.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let read = |path: &Path| {
        safe_file::read_regular(path, safe_file::BYTES_MAX)
            .map_err(|source| TlsError::Read { path: path.to_owned(), source })
    };
    let pem = read(certificate)?.bytes;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::Certificate(certificate.to_owned()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate(certificate.to_owned()));
    }
    let safe_file::Content { bytes, mode } = read(key)?;
    if mode & 0o002 != 0 {
        return Err(TlsError::Writable { path: key.to_owned(), mode: mode & 0o777 });
    }
    let secret = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TlsError::Key(key.to_owned()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
