//! What is asked for a grant, step by step, and how it is read.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000)
}

fn told(status: u16, body: &str) -> Told {
    Told { status: StatusCode::from_u16(status).unwrap(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn asked(identity: &Identity, had: &[Told]) -> Question {
    match identity.step(had, now()) {
        Ok(Step::Ask(question)) => question,
        other => panic!("{other:?}"),
    }
}

fn granted(identity: &Identity, had: &[Told]) -> Grant {
    match identity.step(had, now()) {
        Ok(Step::Granted(grant)) => grant,
        other => panic!("{other:?}"),
    }
}

fn refused(identity: &Identity, had: &[Told]) -> String {
    identity.step(had, now()).err().unwrap().0
}

/// The fields of a form that is posted.
fn fields(question: &Question) -> Vec<(String, String)> {
    let text = String::from_utf8(question.body.to_vec()).unwrap();
    let decoded = |text: &str| {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            let hex = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
            out.push(if byte == b'%' {
                hex(bytes.next().unwrap()) * 16 + hex(bytes.next().unwrap())
            } else {
                byte
            });
        }
        String::from_utf8(out).unwrap()
    };
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

fn field<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// A service account's file, and who can check what it signs.
fn service_account() -> (String, RsaKeyPair) {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let lines = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        lines.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    let file = serde_json::json!({
        "type": "service_account", "project_id": "p-1", "private_key_id": "key-1", "private_key": pem,
        "client_email": "gateway@p-1.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
    });
    (file.to_string(), pair)
}

fn google(login: Login) -> Identity {
    Identity::Google(Google { login, project: None, location: None })
}

#[test]
fn a_service_account_signs_for_itself() {
    let (file, pair) = service_account();
    let (login, project) = Login::read(&file).unwrap();
    assert_eq!(project.as_deref(), Some("p-1"));
    let identity = google(login);
    assert_eq!(identity.endpoints()[0].root, "https://oauth2.googleapis.com");
    let question = asked(&identity, &[]);
    assert_eq!((question.method.as_str(), question.target.as_str()), ("POST", "/token"));
    let fields = fields(&question);
    assert_eq!(field(&fields, "grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (said, signature) = field(&fields, "assertion").rsplit_once('.').unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    public.verify(said.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let parts: Vec<Json> = said
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    assert_eq!(
        parts[1],
        serde_json::json!({
            "iss": "gateway@p-1.iam.gserviceaccount.com", "aud": "https://oauth2.googleapis.com/token",
            "scope": "https://www.googleapis.com/auth/cloud-platform", "iat": 1_796_000_000, "exp": 1_796_003_600,
        })
    );
    let grant = granted(
        &identity,
        &[told(200, r#"{"access_token":"ya29.a","expires_in":3599,"token_type":"Bearer"}"#)],
    );
    assert_eq!(grant.ends, Some(now() + Duration::from_secs(3599)));
    let mut head = HeaderMap::new();
    grant.show(&mut head).unwrap();
    assert_eq!(head["authorization"], "Bearer ya29.a");
    assert!(head["authorization"].is_sensitive() && !format!("{identity:?} {grant:?}").contains("ya29"));
}

#[test]
fn a_login_left_behind_is_refreshed_and_says_whom_to_bill() {
    let file = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"q"}"#;
    let identity = google(Login::read(file).unwrap().0);
    let fields = fields(&asked(&identity, &[]));
    let told = told(200, r#"{"access_token":"ya29.b","expires_in":"60"}"#);
    let names = ["grant_type", "client_id", "client_secret", "refresh_token"];
    assert_eq!(names.map(|name| field(&fields, name)), ["refresh_token", "c", "s", "r"]);
    let mut head = HeaderMap::new();
    granted(&identity, &[told]).show(&mut head).unwrap();
    assert_eq!(head["x-goog-user-project"], "q");
}

#[test]
fn what_is_no_login_is_refused_without_a_word_of_it() {
    for (file, why) in [
        ("sk-123", "is no JSON"),
        ("{}", "has no `type`"),
        (
            r#"{"type":"external_account"}"#,
            "is of a `type` that is not spoken: only `service_account` and `authorized_user` are",
        ),
        (
            r#"{"type":"service_account","private_key":"x","client_email":"e"}"#,
            "has a `private_key` that is none",
        ),
        (r#"{"type":"service_account","client_email":"e"}"#, "has no `private_key`"),
        (r#"{"type":"authorized_user","token_uri":"ftp://x"}"#, "has a `token_uri` that is no address"),
    ] {
        assert_eq!(Login::read(file).err(), Some(why), "{file}");
    }
}

#[test]
fn a_machine_of_googles_is_asked_as_it_wants_to_be() {
    let identity = google(Login::Machine { root: google::METADATA.to_owned() });
    let question = asked(&identity, &[]);
    assert!(identity.endpoints()[0].of_the_machine);
    assert_eq!(question.target, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(
        (question.method, &question.head["metadata-flavor"]),
        (Method::GET, &"Google".parse().unwrap())
    );
}

#[test]
fn what_says_no_is_told_in_its_own_words_and_what_says_nonsense_in_ours() {
    let (file, _) = service_account();
    let identity = google(Login::read(&file).unwrap().0);
    for (status, body, why) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
            "it answered with status 400: invalid_grant: Invalid JWT Signature.",
        ),
        (503, "<html>", "it answered with status 503"),
        (200, "<html>", "its answer is no JSON"),
        (200, "{}", "its answer has no access_token"),
        (200, r#"{"access_token":"t"}"#, "its answer does not say how long the token holds"),
    ] {
        assert_eq!(refused(&identity, &[told(status, body)]), why);
    }
}

#[test]
fn what_was_sent_is_never_told_back() {
    // Where it would be cut through, in a form as it was sent, and from a file.
    let secret = Secret::new("client/secret+0123456789");
    let assertion = "eyJ.of-the-platform-0123456789";
    let (authority, tenant) = ("https://l".to_owned(), "t".to_owned());
    let federated = Proof::Federated { authority, tenant, file: "f".to_owned() };
    let mut had = vec![told(200, assertion)];
    let identity = entra(federated, Some("client-1"));
    let shown: Vec<Secret> = asked(&identity, &had).secrets().into_iter().chain([secret.clone()]).collect();
    for said in ["client/secret+0123456789", "client%2Fsecret%2B0123456789", assertion] {
        for before in [0, 340, 380, 395] {
            let said = format!("{}{said}", "x".repeat(before));
            had.truncate(1);
            had.push(told(400, &serde_json::json!({"error": "no", "error_description": said}).to_string()));
            let why = identity.step(&had, now()).err().unwrap().told(&shown);
            assert!(!why.contains("client/") && !why.contains("client%") && !why.contains("eyJ"), "{why}");
        }
    }
    let (login, _) = Login::read(&service_account().0).unwrap();
    let question = asked(&google(login), &[]);
    let sent = fields(&question);
    let why = Ungranted(format!("not\x1b\n {}", field(&sent, "assertion"))).told(&question.secrets());
    assert_eq!(why, "not   ***");
    let keys = sigv4::Keys { id: "AKIA1".to_owned(), secret: secret.clone(), session: Some(secret) };
    let question = asked(&aws(Source::Keys(keys), Some(role())), &[]);
    for name in ["authorization", "x-amz-security-token"] {
        let line = question.head[name].to_str().unwrap();
        assert_eq!(Ungranted(line.to_owned()).told(&question.secrets()), "***");
        let (_, last) = line.rsplit_once('=').unwrap_or(("", line));
        assert_eq!(Ungranted(format!("bad: {last}")).told(&question.secrets()), "bad: ***");
    }
}

#[test]
fn what_cannot_be_put_into_a_header_was_not_given() {
    let why = "what was given cannot be put into a header";
    let machine = google(Login::Machine { root: String::new() });
    for token in ["a\r\nx-evil: 1", "a\n", "a\u{e9}"] {
        let said = serde_json::json!({"access_token": token, "expires_in": 9}).to_string();
        assert_eq!(refused(&machine, &[told(200, &said)]), why, "{token:?}");
    }
    let web = aws(Source::Web { file: String::new(), role: role() }, None);
    for (ours, theirs) in
        [("ASIA2<", "ASIA2\r\nx-evil: 1<"), ("<SessionToken>", "<SessionToken>s\r\nx-evil: 1")]
    {
        let said = ROLE.replace(ours, theirs);
        assert_ne!(said, ROLE);
        assert_eq!(refused(&web, &[told(200, "word"), told(200, &said)]), why, "{said}");
    }
}

#[test]
fn a_time_is_read_however_it_is_written() {
    let machine = google(Login::Machine { root: String::new() });
    for seconds in ["3599", "3599.0", r#""3599""#, r#""3599.0""#, "3.599e3"] {
        let said = format!(r#"{{"access_token":"t","expires_in":{seconds}}}"#);
        let ends = granted(&machine, &[told(200, &said)]).ends;
        assert_eq!(ends, Some(now() + Duration::from_secs(3599)), "{seconds}");
    }
    for seconds in ["-1", "1e300", "18446744073709551615", r#""inf""#, r#""NaN""#, "null"] {
        let said = format!(r#"{{"access_token":"t","expires_in":{seconds}}}"#);
        let why = refused(&machine, &[told(200, &said)]);
        assert_eq!(why, "its answer does not say how long the token holds", "{seconds}");
    }
}

fn entra(proof: Proof, client: Option<&str>) -> Identity {
    Identity::Entra(Entra { proof, client: client.map(str::to_owned), scope: entra::SCOPE.to_owned() })
}

#[test]
fn entra_is_shown_a_secret_or_the_platforms_word() {
    let (authority, tenant) = (entra::AUTHORITY.to_owned(), "t-1".to_owned());
    let secret = Secret::new("s e&c");
    let identity =
        entra(Proof::Secret { authority: authority.clone(), tenant: tenant.clone(), secret }, Some("c-1"));
    let question = asked(&identity, &[]);
    let said = fields(&question);
    assert_eq!(question.target, "/t-1/oauth2/v2.0/token");
    let names = ["grant_type", "client_id", "scope", "client_secret"];
    assert_eq!(
        names.map(|name| field(&said, name)),
        ["client_credentials", "c-1", "https://cognitiveservices.azure.com/.default", "s e&c"]
    );
    let identity = entra(Proof::Federated { authority, tenant, file: "/var/token".to_owned() }, Some("c-1"));
    assert!(matches!(identity.step(&[], now()), Ok(Step::Read(path)) if path == "/var/token"));
    let word = told(200, "eyJ.word\n");
    let said = fields(&asked(&identity, std::slice::from_ref(&word)));
    assert_eq!(field(&said, "client_assertion"), "eyJ.word");
    assert_eq!(
        field(&said, "client_assertion_type"),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let grant = granted(&identity, &[word, told(200, r#"{"access_token":"t","expires_in":3599}"#)]);
    assert_eq!(grant.shown, Shown::Token(Secret::new("t"), None));
}

#[test]
fn a_machine_of_microsofts_is_asked_as_it_wants_to_be() {
    let identity = entra(Proof::Machine { root: entra::METADATA.to_owned() }, Some("c 1"));
    let question = asked(&identity, &[]);
    assert_eq!(
        question.target,
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=c%201"
    );
    assert_eq!(question.head["metadata"], "true");
    let at = ("http://127.0.0.1:41000".to_owned(), "/msi/token".to_owned());
    let identity = entra(Proof::Service { at, header: Secret::new("h") }, None);
    let question = asked(&identity, &[]);
    assert!(question.target.starts_with("/msi/token?api-version=2019-08-01&resource="));
    assert_eq!(question.head["x-identity-header"], "h");
    let grant = granted(&identity, &[told(200, r#"{"access_token":"t","expires_on":"1796000060"}"#)]);
    assert_eq!(grant.ends, Some(now() + Duration::from_secs(60)));
}

fn aws(source: Source, role: Option<Role>) -> Identity {
    let sts = "https://sts.eu-west-1.amazonaws.com".to_owned();
    Identity::Aws(Aws { region: "eu-west-1".to_owned(), source, role, sts })
}

fn keys() -> sigv4::Keys {
    sigv4::Keys { id: "AKIA1".to_owned(), secret: Secret::new("secret"), session: None }
}

fn role() -> Role {
    let external_id = Some("their word".to_owned());
    Role { arn: "arn:aws:iam::1:role/r".to_owned(), session: "openai-proxy".to_owned(), external_id }
}

const ROLE: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>of-the-role</SecretAccessKey><SessionToken>session==</SessionToken>\
    <Expiration>2026-11-29T18:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
const MACHINE: &str = r#"{"Code":"Success","AccessKeyId":"ASIA3","SecretAccessKey":"of-the-machine","Token":"session","Expiration":"2026-11-29T18:00:00Z"}"#;

fn id(grant: &Grant) -> &str {
    match &grant.shown {
        Shown::Keys(keys) => &keys.id,
        Shown::Token(..) => panic!("a token"),
    }
}

#[test]
fn keys_that_are_written_are_what_is_signed_with() {
    let identity = aws(Source::Keys(keys()), None);
    assert!(identity.is_fixed());
    let grant = granted(&identity, &[]);
    assert_eq!((id(&grant), grant.ends), ("AKIA1", None));
}

#[test]
fn a_role_is_taken_with_keys_and_asked_for_by_a_signature() {
    let identity = aws(Source::Keys(keys()), Some(role()));
    assert!(!identity.is_fixed());
    let question = asked(&identity, &[]);
    let said = fields(&question);
    let names = ["Action", "Version", "RoleArn", "RoleSessionName", "ExternalId"];
    assert_eq!(
        names.map(|name| field(&said, name)),
        ["AssumeRole", "2011-06-15", "arn:aws:iam::1:role/r", "openai-proxy", "their word"]
    );
    let authorization = question.head["authorization"].to_str().unwrap();
    assert!(
        authorization.contains("/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date,"),
        "{authorization}"
    );
    assert_eq!(question.head["host"], "sts.eu-west-1.amazonaws.com");
    let grant = granted(&identity, &[told(200, ROLE)]);
    assert_eq!((id(&grant), grant.ends), ("ASIA2", moment_of("2026-11-29T18:00:00Z")));
    let denied = told(
        403,
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>",
    );
    assert_eq!(refused(&identity, &[denied]), "it answered with status 403: AccessDenied: not you");
    assert_eq!(refused(&identity, &[told(200, "<x/>")]), "its answer has no keys of a role");
}

fn moment_of(text: &str) -> Option<SystemTime> {
    crate::moment::rfc3339(text)
}

#[test]
fn the_platforms_word_is_shown_for_a_role_without_a_signature() {
    let identity = aws(Source::Web { file: "/var/token".to_owned(), role: role() }, None);
    assert!(matches!(identity.step(&[], now()), Ok(Step::Read(path)) if path == "/var/token"));
    let word = told(200, "eyJ.word");
    let question = asked(&identity, std::slice::from_ref(&word));
    assert!(!question.head.contains_key("authorization"));
    let said = fields(&question);
    assert_eq!(
        (field(&said, "Action"), field(&said, "WebIdentityToken")),
        ("AssumeRoleWithWebIdentity", "eyJ.word")
    );
    assert_eq!(id(&granted(&identity, &[word, told(200, ROLE)])), "ASIA2");
}

#[test]
fn a_profile_is_read_from_its_file_by_its_name() {
    let file = "[default]\naws_access_key_id = AKIA0\naws_secret_access_key=zero\n\n# [work]\n[work]\naws_access_key_id=AKIA9\naws_secret_access_key = nine=9\naws_session_token=s\n";
    let source = |profile: &str| Source::File {
        path: "/home/.aws/credentials".to_owned(),
        profile: profile.to_owned(),
    };
    let grant = granted(&aws(source("work"), None), &[told(200, file)]);
    let Shown::Keys(keys) = &grant.shown else { panic!() };
    assert_eq!((keys.id.as_str(), keys.secret.expose(), keys.session.is_some()), ("AKIA9", "nine=9", true));
    assert_eq!(id(&granted(&aws(source("default"), None), &[told(200, file)])), "AKIA0");
    assert_eq!(
        refused(&aws(source("none"), None), &[told(200, file)]),
        "the file of profiles has no keys under the profile's name"
    );
}

#[test]
fn a_machine_of_aws_is_asked_in_its_second_way_only() {
    let identity = aws(Source::Machine { root: aws::METADATA.to_owned() }, None);
    let question = asked(&identity, &[]);
    assert_eq!((question.method, question.target.as_str()), (Method::PUT, "/latest/api/token"));
    let mut had = vec![told(200, "session-of-it")];
    let question = asked(&identity, &had);
    assert_eq!(question.target, "/latest/meta-data/iam/security-credentials/");
    assert_eq!(question.head["x-aws-ec2-metadata-token"], "session-of-it");
    had.push(told(200, "my role"));
    assert_eq!(asked(&identity, &had).target, "/latest/meta-data/iam/security-credentials/my%20role");
    had.push(told(200, MACHINE));
    assert_eq!(id(&granted(&identity, &had)), "ASIA3");
    assert_eq!(refused(&identity, &[told(404, "")]), "it answered with status 404");
    assert_eq!(refused(&identity, &[told(200, "t"), told(404, "")]), "the machine has no role");
    // And a role can be taken with what it gave.
    let identity = aws(Source::Machine { root: aws::METADATA.to_owned() }, Some(role()));
    let question = asked(&identity, &had);
    assert_eq!((question.endpoint, field(&fields(&question), "Action")), (1, "AssumeRole"));
    had.push(told(200, ROLE));
    assert_eq!(id(&granted(&identity, &had)), "ASIA2");
}

#[test]
fn a_containers_platform_is_shown_what_it_gave() {
    let at = (aws::CONTAINER.to_owned(), "/v2/credentials/1".to_owned());
    let source = Source::Container { at: at.clone(), shown: Some(Secret::new("Bearer x")), file: None };
    let question = asked(&aws(source.clone(), None), &[]);
    assert_eq!(
        (question.target.as_str(), &question.head["authorization"]),
        ("/v2/credentials/1", &"Bearer x".parse().unwrap())
    );
    assert_eq!(id(&granted(&aws(source, None), &[told(200, MACHINE)])), "ASIA3");
    let identity = aws(Source::Container { at, shown: None, file: Some("/var/word".to_owned()) }, None);
    assert!(matches!(identity.step(&[], now()), Ok(Step::Read(path)) if path == "/var/word"));
    let had = [told(200, "word\n"), told(200, MACHINE)];
    assert_eq!(asked(&identity, &had[..1]).head["authorization"], "word");
    assert_eq!(id(&granted(&identity, &had)), "ASIA3");
}

#[test]
fn only_what_says_so_says_that_a_grant_holds_no_more() {
    let spent = |identity: &Identity, status: u16, kind: &'static str| {
        let head = HeaderMap::from_iter([(
            HeaderName::from_static("x-amzn-errortype"),
            HeaderValue::from_static(kind),
        )]);
        identity.is_spent(StatusCode::from_u16(status).unwrap(), &head)
    };
    let aws = aws(Source::Keys(keys()), Some(role()));
    assert!(
        spent(&aws, 403, "ExpiredTokenException:http://x") && spent(&aws, 403, "UnrecognizedClientException")
    );
    assert!(!spent(&aws, 403, "AccessDeniedException") && !spent(&aws, 429, "ThrottlingException"));
    let google = google(Login::Machine { root: google::METADATA.to_owned() });
    assert!(spent(&google, 401, "") && !spent(&google, 403, "ExpiredTokenException"));
}
