//! TLS to upstreams: always verified, by the bundled roots, the system's, and a provider's own `ca_file`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use config::snapshot::Origin;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::error::BoxError;

/// Connectors by trust, so that sessions can be resumed.
#[derive(Default)]
pub(super) struct Tls {
    made: Mutex<HashMap<(Option<String>, bool), TlsConnector>>,
}

impl Tls {
    /// The connector for an origin. The first one reads certificate stores: milliseconds, once a worker.
    pub(super) fn connector(&self, origin: &Origin) -> Result<TlsConnector, BoxError> {
        let key = (origin.ca.clone(), origin.accept_any_certificate);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = made.get(&key) {
            return Ok(connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(configuration(origin)?));
        made.insert(key, connector.clone());
        Ok(connector)
    }
}

fn configuration(origin: &Origin) -> Result<ClientConfig, BoxError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    if origin.accept_any_certificate {
        let verifier = Arc::new(AcceptAny(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let mut roots = trusted().clone();
    if let Some(pem) = &origin.ca {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate?)?;
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The bundled roots and the system's, read once a process.
fn trusted() -> &'static RootCertStore {
    static TRUSTED: OnceLock<RootCertStore> = OnceLock::new();
    TRUSTED.get_or_init(|| {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        // A system without a store, or with a broken certificate in it, still has the bundled set.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// `dangerous_accept_any_certificate`: whoever answers is believed. Signatures are still checked.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
