//! TLS on the doors, from files. TLS 1.2 and 1.3; HTTP/2 by ALPN.

use std::path::Path;
use std::sync::Arc;

use config::snapshot::TlsFiles;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::DoorProblem;

/// An acceptor for the certificate chain and key in these files.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, DoorProblem> {
    let problem = |file: &Path, why: String| DoorProblem::Certificate(file.to_owned(), why);
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(&files.cert, format!("the certificate cannot be read ({error})")))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| problem(&files.key, format!("the key cannot be read ({error})")))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(chain, key))
        .map_err(|error| problem(&files.cert, format!("the certificate cannot be used ({error})")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
