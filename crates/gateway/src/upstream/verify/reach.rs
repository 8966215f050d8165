//! The way to a provider: its name, a connection, its certificate.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::snapshot::{Provider, Scheme};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::{Check, Examination, Over, Stuck};
use crate::upstream::engine::{Line, Socket};
use crate::upstream::trouble::Trouble;

/// A certificate that ends sooner is worth a word.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Whether a provider is looked for at this very computer.
fn is_here(provider: &Provider) -> bool {
    let host = &provider.origin.host;
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Examination<'_> {
    /// Goes there. The connection made is the one that is then asked on.
    pub(super) async fn reach(&mut self) -> Result<(), Over> {
        let provider = self.provider.clone();
        let origin = &provider.origin;
        if origin.scheme == Scheme::Inside {
            for word in ["name", "certificate"] {
                self.note(Check::skipped(word, "answers inside this program"));
            }
            self.note(Check::passed("connection", "answers inside this program"));
            return Ok(());
        }
        self.name().await?;
        let began = Instant::now();
        let opened = async {
            let opened = self.inspector.visitor().connector().open(origin);
            let patience = provider.timeouts.connect.min(self.options.each);
            tokio::time::timeout(patience, opened).await.unwrap_or(Err(Trouble::ConnectTimeout))
        };
        let tcp = opened.await.map_err(|trouble| self.stop(self.unreached(&trouble).since(began)))?;
        let through = if origin.proxy.is_some() { " through the proxy" } else { "" };
        let what = format!("{} accepts connections{through}", origin.authority);
        self.note(Check::passed("connection", what).since(began));
        let fresh = match origin.scheme {
            Scheme::Https => Socket::Tls(Box::new(self.certificate(tcp).await?)),
            Scheme::Http | Scheme::Inside => {
                self.note(Check::skipped("certificate", "plain HTTP, without encryption"));
                Socket::Tcp(tcp)
            }
        };
        self.inspector.visitor().begin_on(Line::new(fresh));
        Ok(())
    }

    /// Whether its name leads to an address. A proxy looks names up itself.
    async fn name(&mut self) -> Result<(), Over> {
        let provider = self.provider.clone();
        let origin = &provider.origin;
        if origin.proxy.is_some() {
            self.note(Check::skipped("name", "looked up by the proxy on the way"));
            return Ok(());
        }
        if origin.host.parse::<IpAddr>().is_ok() {
            self.note(Check::skipped("name", "written as an address"));
            return Ok(());
        }
        let began = Instant::now();
        let found = self.inspector.visitor().connector().look_up(origin).await;
        let why = match found {
            Ok(found) if !found.is_empty() => {
                let what = match found.len() {
                    1 => format!("{} leads to 1 address", origin.host),
                    several => format!("{} leads to {several} addresses", origin.host),
                };
                self.note(Check::passed("name", what).since(began));
                return Ok(());
            }
            Ok(_) => "it has no address".to_owned(),
            Err(trouble) => trouble.cause(),
        };
        let check = Check::failed("name", format!("{} leads to no address", origin.host)).since(began);
        Err(self.stop(check.cause(why).hint("Check base_url, and the name resolution of this computer.")))
    }

    /// Encrypts, and looks at what vouches for the other end.
    async fn certificate(&mut self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Over> {
        let provider = self.provider.clone();
        let began = Instant::now();
        let time = self.time();
        let encrypting = self.inspector.visitor().connector().encrypt(&provider.origin, tcp);
        let stream = match time.bounds(encrypting).await {
            Ok(stream) => stream,
            Err(Stuck::Trouble(trouble)) => {
                let check = self.unreached(&trouble).since(began);
                return Err(self.stop(check));
            }
            Err(late @ Stuck::Late(_)) => {
                let what = format!("{} does not go on after the connection", provider.origin.authority);
                let check = Check::failed("certificate", what).since(began).cause(late.cause());
                return Err(self.stop(check.hint("Does it speak TLS at that port? Check base_url.")));
            }
        };
        let (_, session) = stream.get_ref();
        let version = session.protocol_version().map_or("TLS", |version| match version {
            rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3",
            rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2",
            _ => "TLS",
        });
        let left = session.peer_certificates().and_then(|chain| left(chain.first()?.as_ref()));
        let check = if provider.origin.accept_any_certificate {
            let what = format!("{version}, ANY CERTIFICATE IS ACCEPTED");
            Check::warning("certificate", what)
                .cause("Whoever stands between us and it can read and change everything, our key included.")
                .hint(format!(
                    "Replace providers.{}.dangerous_accept_any_certificate by ca_file.",
                    provider.name
                ))
        } else {
            let days = |left: Duration| left.as_secs() / (24 * 3600);
            match left {
                Some(left) if left < SOON => Check::warning(
                    "certificate",
                    format!("{version}, its certificate ends in {} days", days(left)),
                )
                .hint("Whoever runs it has to renew it in time."),
                Some(left) => {
                    Check::passed("certificate", format!("{version}, trusted, valid for {} days", days(left)))
                }
                None => Check::passed("certificate", format!("{version}, trusted")),
            }
        };
        self.note(check.since(began));
        Ok(stream)
    }

    /// Why there is no way to it, and what helps.
    fn unreached(&self, trouble: &Trouble) -> Check {
        let (name, origin) = (&self.provider.name, &self.provider.origin);
        let authority = &origin.authority;
        let proxy_hint = "Check HTTPS_PROXY or `proxy`; NO_PROXY names what is reached without it.";
        let failed = |what: String| Check::failed("connection", what).cause(trouble.cause());
        match trouble {
            Trouble::Denied(_) => failed(format!("{authority} is not connected to"))
                .hint(format!("If that is meant: providers.{name}.allow_private: true")),
            Trouble::Proxy(_) => {
                failed(format!("{authority} is not reached through the proxy")).hint(proxy_hint)
            }
            Trouble::Tls(_) => {
                Check::failed("certificate", format!("the certificate of {authority} cannot be trusted"))
                    .cause(trouble.cause())
                    .hint(format!("Behind a firewall that breaks TLS open, or with an authority of your own: providers.{name}.ca_file. Check its date and name, and the clock."))
            }
            Trouble::ConnectTimeout if origin.proxy.is_none() => {
                let seconds = self.provider.timeouts.connect.min(self.options.each).as_secs_f64().ceil();
                failed(format!("{authority} accepts no connection within {seconds} s"))
                    .cause("Nobody is at that address, or a firewall swallows it.")
                    .hint("Check base_url: scheme, host and port; then the firewall.")
            }
            Trouble::Unreachable(_) | Trouble::ConnectTimeout => self.nobody_there(trouble),
            _ => failed(format!("{authority} gives no proper answer"))
                .hint("Check base_url: scheme, host and port."),
        }
    }

    /// No connection came about.
    fn nobody_there(&self, trouble: &Trouble) -> Check {
        let origin = &self.provider.origin;
        let authority = &origin.authority;
        if let Some(proxy) = &origin.proxy {
            let what = format!(
                "the proxy {}:{} on the way to {authority} cannot be connected to",
                proxy.host, proxy.port
            );
            return Check::failed("connection", what)
                .cause(trouble.cause())
                .hint("Check HTTPS_PROXY or `proxy`; NO_PROXY names what is reached without it.");
        }
        let check = Check::failed("connection", format!("{authority} cannot be connected to"));
        let here = is_here(&self.provider);
        if here && self.options.in_container {
            let cause = "This gateway runs in a container, where localhost is the container itself.";
            return check
                .cause(format!("{}. {cause}", trouble.cause()))
                .hint(format!("Use host.docker.internal:{}, or run with --network host.", origin.port));
        }
        check.cause(trouble.cause()).hint(if here || self.provider.vendor.local() {
            "Is it running? Start it, or remove the provider."
        } else {
            "Look at this computer's network, firewall and proxy."
        })
    }

    /// No answer came on a connection that had come about.
    pub(super) fn unanswered(&self, stuck: &Stuck) -> Check {
        let authority = &self.provider.origin.authority;
        Check::failed("answer", format!("{authority} gives no proper answer"))
            .cause(stuck.cause())
            .hint("Check base_url: scheme, host and port. Does it speak what that says (http, https)?")
    }
}

/// How much longer a certificate is valid.
fn left(der: &[u8]) -> Option<Duration> {
    let certificate = Certificate::from_der(der).ok()?;
    let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    end.checked_sub(SystemTime::now().duration_since(UNIX_EPOCH).ok()?)
}
