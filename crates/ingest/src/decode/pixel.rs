use super::SentEvent;
use super::delivery::{Body, Form};

/// A page view told by the address of an image: `?url=...&referrer=...`. Without `url` it is the page
/// that the browser says it is on.
pub(crate) fn from_query(query: &str, page: &str) -> Body<'static> {
    let mut sent = SentEvent { url: page.to_owned().into(), ..SentEvent::default() };
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "url" if !value.is_empty() => sent.url = value.into_owned().into(),
            "referrer" => sent.referrer = value.into_owned().into(),
            _ => {}
        }
    }
    Body::of_one(Form::Pixel, Ok(sent))
}
