//! A body that flows through: bounded, timed, and looked at in passing.
//!
//! Of a form only the small fields before the file are read ahead (64 KiB at most); the file itself is never held. A
//! field behind the file is still noticed as it flows by, for accounting.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use protocol::fault::Kind;
use protocol::frame::multipart;
use tokio::time::Sleep;

use super::pieces::{bad_form, broken_body, next, too_large};
use crate::error::{ApiError, BoxError};

/// How much of a form is read before the way is decided.
const AHEAD: usize = 64 * 1024;

/// What is learned while a body flows by, shared with the meter.
#[derive(Clone, Default)]
pub(crate) struct Upload(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    bytes: u64,
    model: Option<String>,
    failed: Option<ApiError>,
    whole: bool,
}

impl Upload {
    fn with<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes taken in so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.with(|notes| notes.bytes)
    }

    /// The form's model, wherever in the form it stood.
    pub(crate) fn model(&self) -> Option<String> {
        self.with(|notes| notes.model.clone())
    }

    /// Whether it was read to its end.
    pub(crate) fn is_whole(&self) -> bool {
        self.with(|notes| notes.whole)
    }

    /// Why the body broke off, if the caller's side is the reason.
    pub(crate) fn take_failure(&self) -> Option<ApiError> {
        self.with(|notes| notes.failed.take())
    }
}

/// The flowing body.
pub(crate) struct UploadBody {
    ahead: VecDeque<Bytes>,
    rest: Incoming,
    /// In a place of its own: what it looks for a delimiter with wants to lie at round addresses, and so would every call.
    form: Option<Box<multipart::Reader>>,
    /// How many of its fields have been looked at.
    known_fields: usize,
    notes: Upload,
    limit: u64,
    gap: Duration,
    clock: Option<Pin<Box<Sleep>>>,
    length: Option<u64>,
    over: bool,
}

impl UploadBody {
    pub(super) fn new(rest: Incoming, limit: u64, gap: Duration) -> Self {
        let length = rest.size_hint().exact();
        Self {
            ahead: VecDeque::new(),
            rest,
            form: None,
            known_fields: 0,
            notes: Upload::default(),
            limit,
            gap,
            clock: None,
            length,
            over: false,
        }
    }

    /// What is learned in passing.
    pub(crate) fn notes(&self) -> Upload {
        self.notes.clone()
    }

    /// Reads ahead to the first file of a form, or 64 KiB.
    pub(super) async fn look_for_fields(&mut self, boundary: &str) -> Result<(), ApiError> {
        self.form = Some(Box::new(multipart::Reader::new(boundary)));
        let mut read = 0;
        while read < AHEAD && self.form.as_ref().is_some_and(|form| !form.file_begun() && !form.done()) {
            let Some(data) = next(&mut self.rest, self.gap).await? else {
                self.over = true;
                break;
            };
            read += data.len();
            self.look_at(&data)?;
            self.ahead.push_back(data);
        }
        if self.over {
            self.finish()?;
        }
        Ok(())
    }

    /// Puts another name for the model into the part of the form that was read ahead; false when it is not there.
    pub(crate) fn rename_model(&mut self, old: &str, new: &str) -> bool {
        let mut ahead = self.take_ahead();
        let place = model_place(&ahead, old);
        if let Some(place) = &place {
            let rest = ahead.split_off(place.end);
            ahead.truncate(place.start);
            ahead.extend_from_slice(new.as_bytes());
            ahead.extend_from_slice(&rest);
            self.length = self.length.map(|length| length - old.len() as u64 + new.len() as u64);
        }
        self.ahead.push_back(ahead.freeze());
        place.is_some()
    }

    /// What was read ahead, in one piece; it is to be put back.
    fn take_ahead(&mut self) -> BytesMut {
        let mut ahead = BytesMut::new();
        for piece in self.ahead.drain(..) {
            ahead.extend_from_slice(&piece);
        }
        ahead
    }

    /// Puts a model's name before all other fields of a form; false where none begins at once.
    pub(crate) fn name_model(&mut self, name: &str) -> bool {
        let ahead = self.take_ahead().freeze();
        self.ahead.push_back(ahead.clone());
        let Some(delimiter) = self.form.as_ref().map(|form| form.delimiter()) else { return false };
        let first = delimiter.strip_prefix(b"\r\n").unwrap_or(delimiter);
        if !ahead.starts_with(first) {
            return false;
        }
        let head = b"\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n";
        let field = [first, head, name.as_bytes(), b"\r\n"].concat();
        self.length = self.length.map(|length| length + field.len() as u64);
        self.ahead.push_front(field.into());
        true
    }

    /// A small field that was read ahead. Given twice with different values it is refused.
    pub(crate) fn field(&self, name: &str) -> Result<Option<String>, ApiError> {
        let fields = self.form.iter().flat_map(|form| form.fields()).filter(|field| field.name == name);
        let mut values = fields.map(|field| text(field.value.as_deref()));
        let first = values.next();
        if values.any(|other| Some(&other) != first.as_ref()) {
            return Err(two_values(name));
        }
        Ok(first)
    }

    fn look_at(&mut self, data: &[u8]) -> Result<(), ApiError> {
        let bytes = self.notes.with(|notes| {
            notes.bytes += data.len() as u64;
            notes.bytes
        });
        if bytes > self.limit {
            return Err(too_large(self.limit));
        }
        if let Some(form) = &mut self.form {
            form.push(data).map_err(|problem| bad_form(problem.say()))?;
            let known = std::mem::replace(&mut self.known_fields, form.fields().len());
            for field in form.fields()[known..].iter().filter(|field| field.name == "model") {
                let model = text(field.value.as_deref());
                let earlier = self.notes.with(|notes| notes.model.replace(model.clone()));
                if earlier.is_some_and(|earlier| earlier != model) {
                    return Err(two_values("model"));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ApiError> {
        match &mut self.form {
            Some(form) => form.finish().map_err(|problem| bad_form(problem.say())),
            None => Ok(()),
        }
    }

    /// Remembers why the body ends here, for the answer; upstream only sees that it ends.
    fn fail(&mut self, error: ApiError) -> BoxError {
        let say = error.say.to_string();
        self.over = true;
        self.notes.with(|notes| notes.failed = Some(error));
        say.into()
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            match Pin::new(&mut self.rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.clock = None;
                    let Ok(data) = frame.into_data() else { continue };
                    if let Err(error) = self.look_at(&data) {
                        return Poll::Ready(Some(Err(self.fail(error))));
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(self.fail(broken_body(error)))));
                }
                Poll::Ready(None) => {
                    self.over = true;
                    self.notes.with(|notes| notes.whole = true);
                    return match self.finish() {
                        Ok(()) => Poll::Ready(None),
                        Err(error) => Poll::Ready(Some(Err(self.fail(error)))),
                    };
                }
                Poll::Pending => {
                    let gap = self.gap;
                    let clock = self.clock.get_or_insert_with(|| Box::pin(tokio::time::sleep(gap)));
                    ready!(clock.as_mut().poll(cx));
                    let late = ApiError::new(Kind::CallerTooSlow, "The body stopped arriving.");
                    return Poll::Ready(Some(Err(self.fail(late))));
                }
            }
        }
    }
}

/// A field's value as text; one too large to be kept is no name of anything.
fn text(value: Option<&[u8]>) -> String {
    value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// Where the value of the field `model` stands: behind the head that names it, up to the next delimiter.
fn model_place(form: &[u8], value: &str) -> Option<std::ops::Range<usize>> {
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&form[from..], b"\r\n\r\n") {
        let begin = from + at + 4;
        let head_from = memchr::memmem::rfind(&form[..from + at], b"\r\n--").map_or(0, |at| at + 2);
        let head = String::from_utf8_lossy(&form[head_from..from + at]).to_ascii_lowercase();
        let named = head.contains("name=\"model\"") || head.contains("name=model");
        let end = begin + value.len();
        if named
            && form.get(begin..end) == Some(value.as_bytes())
            && form.get(end..end + 4) == Some(b"\r\n--")
        {
            return Some(begin..end);
        }
        from = begin;
    }
    None
}

fn two_values(name: &str) -> ApiError {
    let say = format!("The form names two different values for `{name}`. Name one.");
    ApiError::new(Kind::ConflictingModel, say).param("model")
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(data) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.over {
            return Poll::Ready(None);
        }
        self.poll_rest(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.over && self.ahead.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
