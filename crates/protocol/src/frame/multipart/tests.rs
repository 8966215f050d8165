//! Bodies in every cut, the limits, and bodies that must be refused.

use proptest::prelude::*;

use super::*;

const BODY: &[u8] = b"preamble\r\n--X-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
--X-1 \t\r\ncontent-disposition: form-data; name=prompt\r\nContent-Type: text/plain\r\n\r\n\r\n--X\r\n-\r\r\n--X-\r\n\
--X-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a \\\"b\\\".mp3\"\r\n\r\n\x00\xff\r\n--X-\r\n\
--X-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\r\n--X-1--\r\nepilogue\r\n--X-1\r\n";

fn read(pieces: &[&[u8]]) -> Result<Reader, MultipartProblem> {
    let mut reader = Reader::new("X-1");
    for piece in pieces {
        reader.push(piece)?;
    }
    reader.finish()?;
    Ok(reader)
}

fn seen(reader: &Reader) -> Vec<(&str, &str)> {
    let text = |field: &Field| {
        std::str::from_utf8(field.value.as_deref().unwrap()).unwrap().to_owned().leak() as &str
    };
    reader.fields().iter().map(|field| (field.name.as_str(), text(field))).collect()
}

#[test]
fn every_split_gives_the_same_fields() {
    for at in 0..=BODY.len() {
        let (left, right) = BODY.split_at(at);
        let reader = read(&[left, right]).unwrap();
        assert_eq!(
            seen(&reader),
            [("model", "whisper-1"), ("prompt", "\r\n--X\r\n-\r\r\n--X-"), ("model", "")],
            "cut at {at}"
        );
        assert!(reader.file_begun() && reader.done());
    }
    let bytes: Vec<&[u8]> = BODY.chunks(1).collect();
    assert_eq!(seen(&read(&bytes).unwrap()), seen(&read(&[BODY]).unwrap()));
}

#[test]
fn fields_are_known_while_the_file_still_comes() {
    let mut reader = Reader::new("b");
    reader.push(b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\n").unwrap();
    assert_eq!(seen(&reader), [("model", "m")]);
    assert!(!reader.file_begun());
    reader.push(b"Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n").unwrap();
    assert!(reader.file_begun());
    for _ in 0..100 {
        reader.push(&[b'\r'; 10_000]).unwrap();
    }
    assert!(!reader.done());
    assert_eq!(reader.finish(), Err(MultipartProblem::Truncated));
}

#[test]
fn boundaries() {
    for (given, wanted) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b:c\" ", Some("a b:c")),
        ("multipart/form-data; boundary=----WebKitFormBoundary7MA4;", Some("----WebKitFormBoundary7MA4")),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=\"a\r\n\"", None),
        ("multipart/form-data; boundary=\u{e4}", None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json", None),
    ] {
        assert_eq!(boundary(given).ok().as_deref(), wanted, "{given}");
    }
    let long = |length: usize| boundary(&format!("multipart/form-data; boundary={}", "a".repeat(length)));
    assert!(long(70).is_ok() && long(71).is_err());
}

#[test]
fn what_readers_disagree_on_is_refused() {
    let part = "Content-Disposition: form-data; name=\"a\"\r\n\r\n1";
    for (body, problem) in [
        (
            "--X-1\nContent-Disposition: form-data; name=\"a\"\n\n1\n--X-1--\n".to_owned(),
            MultipartProblem::Delimiter,
        ),
        (format!("--X-1\r\n{part}\r\n--X-12\r\n{part}\r\n--X-1--"), MultipartProblem::Delimiter),
        (format!("--X-1\r\n{part}\r\n--X-1--x\r\n"), MultipartProblem::Delimiter),
        (format!("--X-1\r\n{part}\r\n--X-1-\r\n"), MultipartProblem::Delimiter),
        (format!("--X-1\r\n{part}"), MultipartProblem::Truncated),
        (String::new(), MultipartProblem::Truncated),
        ("--X-1\r\n\r\n1\r\n--X-1--".to_owned(), MultipartProblem::MissingName),
        ("--X-1\r\nContent-Type: a/b\r\n\r\n1\r\n--X-1--".to_owned(), MultipartProblem::MissingName),
        ("--X-1\r\nContent-Disposition: form-data\r\n\r\n".to_owned(), MultipartProblem::MissingName),
        (
            "--X-1\r\nContent-Disposition: form-data; filename=a\r\n\r\n".to_owned(),
            MultipartProblem::MissingName,
        ),
        (
            "--X-1\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n".to_owned(),
            MultipartProblem::Head,
        ),
        ("--X-1\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n".to_owned(), MultipartProblem::Head),
        ("--X-1\r\nContent-Disposition: form-data; name=\"a\r\n\r\n".to_owned(), MultipartProblem::Head),
        ("--X-1\r\nContent-Disposition: form-data; name=a\n\r\n".to_owned(), MultipartProblem::Head),
        ("--X-1\r\nnonsense\r\n\r\n".to_owned(), MultipartProblem::Head),
    ] {
        assert_eq!(read(&[body.as_bytes()]).err(), Some(problem), "{body}");
    }
}

#[test]
fn limits() {
    let part =
        |value: &str| format!("--X-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{value}\r\n");
    let many = |count: usize| part("").repeat(count) + "--X-1--\r\n";
    assert_eq!(read(&[many(1000).as_bytes()]).unwrap().fields().len(), 1000);
    assert_eq!(read(&[many(1001).as_bytes()]).err(), Some(MultipartProblem::TooManyParts));

    let head = format!("--X-1\r\nX: {}", "x".repeat(HEAD_LIMIT));
    assert_eq!(read(&[head.as_bytes()]).err(), Some(MultipartProblem::HeadTooLarge));

    let body = part(&"x".repeat(60_000)) + &part(&"y".repeat(6_000)) + &part("z") + "--X-1--";
    let reader = read(&body.as_bytes().chunks(1000).collect::<Vec<_>>()).unwrap();
    let kept: Vec<_> = reader.fields().iter().map(|field| (field.length, field.value.is_some())).collect();
    assert_eq!(kept, [(60_000, true), (6_000, false), (1, true)]);
}

#[test]
fn a_problem_stays() {
    let mut reader = Reader::new("b");
    assert_eq!(reader.push(b"--b!"), Err(MultipartProblem::Delimiter));
    assert_eq!(reader.push(b"--b--\r\n"), Err(MultipartProblem::Delimiter));
    assert_eq!(reader.finish(), Err(MultipartProblem::Delimiter));
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..50) {
        let mut reader = Reader::new("b");
        let _ = bytes.chunks(size).try_for_each(|piece| reader.push(piece));
        let _ = reader.finish();
    }

    #[test]
    fn pieces_do_not_matter(
        words in proptest::collection::vec(
            prop::sample::select(vec!["\r\n", "--X-1", "--", "\r", "\n", "-", "Content-Disposition: form-data; name=a", "x"]),
            0..40,
        ),
        size in 1_usize..20,
    ) {
        let body = format!("--X-1\r\n{}", words.concat());
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
        let (whole, cut) = (read(&[body.as_bytes()]), read(&pieces));
        prop_assert_eq!(whole.as_ref().err(), cut.as_ref().err());
        prop_assert_eq!(whole.ok().map(|reader| reader.fields), cut.ok().map(|reader| reader.fields));
    }

    #[test]
    fn content_types_never_panic(text in ".{0,80}") {
        let _ = boundary(&text);
        let _ = boundary(&format!("multipart/form-data;{text}"));
    }
}
