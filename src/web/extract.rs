//! Paths, queries and bodies as handlers read them.
//!
//! axum's own extractors answer a bad request in words and a form of their own, before the handler
//! runs; these give an [`Error`] instead, so that every refusal names the field and looks the same.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use tokio::time::timeout;

use super::error::Failure;
use super::state::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Expected, Kind, Scope};

/// More than any form of these pages needs.
const FORM_LIMIT: usize = 64 * 1024;

/// A client that sends nothing for this long has gone.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The decoded `{id}` of a path; not yet judged, since other checks come first. One that is not
/// UTF-8 is read as empty, which is no id.
pub(super) struct RawId(pub(super) String);

impl FromRequestParts<AppState> for RawId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(id.map(|Path(id)| id).unwrap_or_default()))
    }
}

/// The fields of a query or a form, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    ///
    /// Malformed where a `%` is not followed by two hexadecimal digits, or the text is not UTF-8 or
    /// has a zero byte.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        pairs.map(pair).collect::<Result<_>>().map(Self)
    }

    /// The value of a field; none where it is not there.
    ///
    /// # Errors
    ///
    /// Malformed where it is given more than once: taking either could do what was not meant.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Error::malformed(format!("{name} is given more than once"))),
        }
    }

    /// The value of a field; none where it is not there or blank.
    pub(super) fn filled(&self, name: &str) -> Result<Option<&str>> {
        Ok(self.get(name)?.map(str::trim).filter(|value| !value.is_empty()))
    }

    /// A whole number; none where it is not there or blank. `what` says what fits, for the error.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>> {
        self.filled(name)?
            .map(|value| value.parse().map_err(|_| Error::malformed(format!("{name} must be {what}"))))
            .transpose()
    }

    /// The field `limit`: a number from 1 to `most`, `usual` where it is not there.
    pub(super) fn limit(&self, most: usize, usual: usize) -> Result<usize> {
        let what = format!("a number from 1 to {most}");
        let limit = self.number("limit", &what)?.unwrap_or(usual.clamp(1, most.max(1)));
        if (1..=most).contains(&limit) { Ok(limit) } else { Err(Error::malformed(format!("limit must be {what}"))) }
    }

    /// The value of a field, owned; none where it is not there or blank.
    pub(super) fn owned(&self, name: &str) -> Result<Option<String>> {
        Ok(self.filled(name)?.map(str::to_owned))
    }

    /// The field `kind` of a snapshot, which every route of one needs.
    pub(super) fn kind(&self) -> Result<Kind> {
        self.get("kind")?.unwrap_or_default().parse()
    }

    /// The fields `expected_head` and `expected_epoch`: where the store stood when a plan was shown.
    pub(super) fn expected(&self) -> Result<Expected> {
        Ok(Expected {
            head: self.number("expected_head", "the id of an event")?,
            epoch: self.number("expected_epoch", "a whole number")?,
        })
    }

    /// The field `scope`; the tables alone where it is not there.
    pub(super) fn scope(&self) -> Result<Scope> {
        self.get("scope")?.unwrap_or_default().parse()
    }
}

fn pair(text: &[u8]) -> Result<(String, String)> {
    let mut halves = text.splitn(2, |byte| *byte == b'=');
    let name = decoded(halves.next().unwrap_or_default())?;
    let value = decoded(halves.next().unwrap_or_default())?;
    Ok((name, value))
}

fn decoded(text: &[u8]) -> Result<String> {
    let broken = || Error::malformed("the fields are not urlencoded text in UTF-8 without a zero byte");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = rest.get(..2).ok_or_else(broken)?;
                rest = rest.get(2..).unwrap_or_default();
                hex::decode(digits).map_err(|_| broken())?[0]
            }
            other => other,
        });
    }
    // No field means anything with a zero byte in it, and SQLite's search ends at one.
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(broken)
}

/// The fields of the address.
pub(super) struct Query(pub(super) Fields);

impl FromRequestParts<AppState> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Fields::parse(query.as_bytes())?))
    }
}

/// The fields of a posted form. No body is an empty form, whatever its content type says.
pub(super) struct Form(pub(super) Fields);

impl FromRequest<AppState> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let body = read(body, FORM_LIMIT).await?;
        let kind = content_type(&parts.headers);
        if !body.is_empty() && !kind.is_empty() && kind != "application/x-www-form-urlencoded" {
            return Err(Error::malformed("the body must be a form, application/x-www-form-urlencoded").into());
        }
        Ok(Self(Fields::parse(&body)?))
    }
}

/// The media type of the body in lower case, without parameters; empty where none is given.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
///
/// Too large over the limit; malformed where it breaks off or stops coming.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes> {
    // The limit is judged here and not by a layer: this knows how to say so in each client's form.
    let bytes = timeout(BODY_TIME, to_bytes(body, limit))
        .await
        .map_err(|_| Error::malformed(format!("the body did not arrive within {} s", BODY_TIME.as_secs())))?;
    bytes.map_err(|error| {
        if is_over_limit(&error) {
            Error::new(ErrorKind::TooLarge, format!("The body is over the limit of {limit} bytes. Nothing was done."))
        } else {
            Error::malformed("the body broke off before its end").because(error)
        }
    })
}

fn is_over_limit(error: &axum::Error) -> bool {
    // http-body-util's LengthLimitError, which is told apart by its words: the crate is not a
    // dependency of this one.
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let fields = Fields::parse(b"label=before+the%20move&q=%C3%A9&empty=&bare").unwrap();
        assert_eq!(fields.get("label").unwrap(), Some("before the move"));
        assert_eq!(fields.get("q").unwrap(), Some("é"));
        assert_eq!(fields.get("empty").unwrap(), Some(""));
        assert_eq!(fields.filled("empty").unwrap(), None);
        assert_eq!(fields.get("bare").unwrap(), Some(""));
        assert_eq!(fields.get("none").unwrap(), None);
    }

    #[test]
    fn broken_text_and_doubled_fields_are_refused() {
        for broken in ["a=%", "a=%4", "a=%zz", "a=%FF", "%+1=a", "a=%00"] {
            assert_eq!(Fields::parse(broken.as_bytes()).unwrap_err().kind(), ErrorKind::Malformed, "{broken}");
        }
        let doubled = Fields::parse(b"kind=periodic&kind=rewind").unwrap();
        assert_eq!(doubled.get("kind").unwrap_err().message(), "kind is given more than once");
    }

    #[test]
    fn numbers_name_their_field() {
        let fields = Fields::parse(b"limit=ten&after=").unwrap();
        let error = fields.number::<i64>("limit", "a whole number").unwrap_err();
        assert_eq!(error.message(), "limit must be a whole number");
        assert_eq!(fields.number::<i64>("after", "a whole number").unwrap(), None);
    }

    #[test]
    fn a_limit_has_a_limit() {
        let limit = |text: &str| Fields::parse(text.as_bytes()).unwrap().limit(1000, 50).map_err(|error| error.kind());
        assert_eq!(limit(""), Ok(50));
        assert_eq!(limit("limit=1000"), Ok(1000));
        assert_eq!(limit("limit=0"), Err(ErrorKind::Malformed));
        assert_eq!(limit("limit=1001"), Err(ErrorKind::Malformed));
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_too_large() {
        assert_eq!(read(Body::from("four"), 4).await.unwrap(), "four");
        assert_eq!(read(Body::from("fives"), 4).await.unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
