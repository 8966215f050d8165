//! A form with one file (`multipart/form-data`, RFC 7578), as transcription takes it.

use bytes::Bytes;

/// The content type and the body of a form with a file and some fields.
pub(super) fn of(file: &[u8], name: &str, fields: &[(&str, &str)]) -> (String, Bytes) {
    let boundary = boundary(file);
    let mut body = Vec::with_capacity(file.len() + 1024);
    for (field, value) in fields {
        let head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    // A quote or a line end in a file's name is escaped as browsers do (WHATWG HTML, "multipart/form-data encoding").
    let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body.into())
}

/// A line that does not stand in the file.
fn boundary(file: &[u8]) -> String {
    let mut number = 0_u64;
    loop {
        let boundary = format!("openai-proxy-{number:016x}");
        if !file.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
            return boundary;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_file_that_holds_our_boundary_gets_another_one() {
        let (kind, body) = of(b"--openai-proxy-0000000000000000\r\n", "a\"b", &[("model", "m")]);
        assert!(kind.ends_with("0000000000000001"), "{kind}");
        assert!(String::from_utf8_lossy(&body).contains("filename=\"a%22b\""));
    }
}
