//! A certificate authority that lives as long as a run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// The files of an authority, and of a server it vouches for as `localhost`.
pub(crate) struct Authority {
    /// The authority's certificate.
    pub(crate) ca: PathBuf,
    /// The server's.
    pub(crate) cert: PathBuf,
    /// The server's key.
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Makes one in a folder.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name.push(DnType::CommonName, "bench authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_cert = ca.self_signed(&ca_key)?;
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let cert = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;

        let file = |name: &str| folder.join(name);
        let made = Self { ca: file("ca.pem"), cert: file("server.pem"), key: file("server.key") };
        fs::write(&made.ca, ca_cert.pem())?;
        fs::write(&made.cert, cert.pem())?;
        fs::write(&made.key, key.serialize_pem())?;
        Ok(made)
    }
}
