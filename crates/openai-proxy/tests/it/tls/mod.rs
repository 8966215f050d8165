//! TLS at the door, from files, and towards upstreams, always verified (T-52, F-12, D-9).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

mod door;
mod upstreams;

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use testkit::vendor::{Accepting, Acceptor, Act, Answer, Seen};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::house::CHAT_ANSWER;

/// A certificate authority of a test's own, and a directory for what it writes.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A certificate and its key, as PEM.
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Canary Authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, dir: tempfile::tempdir().unwrap() }
    }

    /// A certificate for these names and addresses.
    pub(crate) fn signs(&self, names: &[&str]) -> Identity {
        self.signs_as(params(names))
    }

    /// The same, valid until then.
    pub(crate) fn signs_until(&self, names: &[&str], end: std::time::SystemTime) -> Identity {
        let mut params = params(names);
        params.not_after = end.into();
        self.signs_as(params)
    }

    fn signs_as(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &*self.issuer).unwrap();
        Identity { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// The authority's own certificate as a file, for `ca_file`.
    pub(crate) fn file(&self) -> PathBuf {
        self.write("ca.pem", &self.issuer.pem())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A client that trusts this authority and nobody else.
    pub(crate) fn client(&self, alpn: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "canary-certificate");
    params
}

pub(crate) fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    let cert = params(&["localhost", "127.0.0.1"]).self_signed(&key).unwrap();
    Identity { cert: cert.pem(), key: key.serialize_pem() }
}

/// Puts TLS on a vendor's connections.
pub(crate) fn acceptor(identity: &Identity) -> Acceptor {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(identity.cert.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Box::new(move |stream| {
        let accepting = acceptor.accept(stream);
        let boxed: Accepting =
            Box::pin(async move { Ok(Box::new(accepting.await?) as Box<dyn testkit::line::Io>) });
        boxed
    })
}

fn answers_chat(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}
