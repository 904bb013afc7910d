use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use weir_event::{
    Amount, ClickId, Control, Country, Event, EventId, Kind, LocalDay, Millis, QueueId, Referrer, Seq,
    SiteId, Utm, VisitorId,
};

use crate::DecodeError;

/// What a row holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Event(Box<Event>),
    Control(Control),
}

/// A row as it lies in the file. It is decoded apart from reading it, so that one bad row does not
/// keep its neighbours from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The opening that it was appended in. With the number it names the row, in copies of the file,
    /// too.
    pub queue: QueueId,
    pub seq: Seq,
    pub site: SiteId,
    /// The site's local day of receipt; of a control row, day 0.
    pub received_day: LocalDay,
    pub body: Vec<u8>,
    pub(crate) kind: u8,
}

/// The values of the column `kind`.
pub(crate) const KIND_EVENT: u8 = 0;
pub(crate) const KIND_CONTROL: u8 = 1;

/// The first byte of a body, raised when a field is added: a released layout never changes.
const FORMAT: u8 = 1;

/// Format 1 of an event. Site and day of receipt are columns; the two other times are kept as their
/// distance from the receipt, which is mostly a byte or two.
#[derive(Serialize, Deserialize)]
struct EventV1<'a> {
    id: [u8; 16],
    received_ms: i64,
    age_ms: i64,
    age_days: i32,
    visitor: Option<[u8; 8]>,
    kind: u8,
    host: &'a str,
    path: &'a str,
    referrer: Option<(&'a str, &'a str)>,
    #[serde(borrow)]
    utm: UtmV1<'a>,
    click_id: Option<u8>,
    user_agent: &'a str,
    webdriver: bool,
    country: Option<[u8; 2]>,
    name: &'a str,
    props: &'a str,
    amount: Option<([u8; 3], i64)>,
    engaged_ms: u32,
}

#[derive(Serialize, Deserialize)]
struct UtmV1<'a> {
    source: &'a str,
    medium: &'a str,
    campaign: &'a str,
    content: &'a str,
    term: &'a str,
    plain_source: &'a str,
    plain_ref: &'a str,
}

#[derive(Serialize, Deserialize)]
enum ControlV1 {
    RemoveSite(u32),
    Refold(u32),
    /// An opening and a number.
    ReplayDead([u8; 16], i64),
    DropDead([u8; 16], i64),
}

pub(crate) fn encode_event(event: &Event, onto: Vec<u8>) -> Vec<u8> {
    encode(&EventV1::of(event), onto)
}

pub(crate) fn encode_control(control: Control, onto: Vec<u8>) -> Vec<u8> {
    let control = match control {
        Control::RemoveSite(site) => ControlV1::RemoveSite(site.0),
        Control::Refold(site) => ControlV1::Refold(site.0),
        Control::ReplayDead { queue, seq } => ControlV1::ReplayDead(queue.0, seq.0),
        Control::DropDead { queue, seq } => ControlV1::DropDead(queue.0, seq.0),
    };
    encode(&control, onto)
}

fn encode(fields: &impl Serialize, mut onto: Vec<u8>) -> Vec<u8> {
    onto.push(FORMAT);
    let written = postcard::serialize_with_flavor(fields, Onto(onto));
    written.expect("a Vec takes whatever is written, and every field has a length")
}

/// Writes behind what is there. Postcard's own way to do so takes texts byte by byte.
struct Onto(Vec<u8>);

impl Flavor for Onto {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

impl Row {
    /// A row that was read once and is kept elsewhere since.
    pub fn kept(
        (queue, seq): (QueueId, Seq),
        site: SiteId,
        received_day: LocalDay,
        is_event: bool,
        body: Vec<u8>,
    ) -> Self {
        let kind = if is_event { KIND_EVENT } else { KIND_CONTROL };
        Self { queue, seq, site, received_day, body, kind }
    }

    /// Whether the file counted it as received. A control row that can't be read is still none.
    pub fn is_event(&self) -> bool {
        self.kind == KIND_EVENT
    }

    /// # Errors
    /// Says whether the row is a newer program's or is damaged.
    pub fn decode(&self) -> Result<Entry, DecodeError> {
        match self.kind {
            KIND_EVENT => {
                let fields: EventV1 = self.fields()?;
                Ok(Entry::Event(Box::new(fields.into_event(self.site, self.received_day)?)))
            }
            KIND_CONTROL => Ok(Entry::Control(match self.fields()? {
                ControlV1::RemoveSite(site) => Control::RemoveSite(SiteId(site)),
                ControlV1::Refold(site) => Control::Refold(SiteId(site)),
                ControlV1::ReplayDead(queue, seq) => {
                    Control::ReplayDead { queue: QueueId(queue), seq: Seq(seq) }
                }
                ControlV1::DropDead(queue, seq) => Control::DropDead { queue: QueueId(queue), seq: Seq(seq) },
            })),
            kind => Err(damaged(format!("there is no row kind {kind}"))),
        }
    }

    fn fields<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        let fields = match self.body.split_first() {
            Some((&FORMAT, fields)) => fields,
            Some((&format, _)) if format > FORMAT => return Err(DecodeError::Newer(format)),
            _ => return Err(damaged("it has no format byte")),
        };
        match postcard::take_from_bytes(fields) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(damaged(format!("{} bytes are left over", rest.len()))),
            Err(error) => Err(damaged(error.to_string())),
        }
    }
}

fn damaged(why: impl Into<String>) -> DecodeError {
    DecodeError::Damaged(why.into())
}

// Distances wrap, so that they hold for every pair of times and are undone exactly.
impl<'a> EventV1<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            id: event.id.0,
            received_ms: event.received.0,
            age_ms: event.received.0.wrapping_sub(event.time.0),
            age_days: event.received_day.0.wrapping_sub(event.day.0),
            visitor: event.visitor.map(|visitor| visitor.0.to_le_bytes()),
            kind: kind_code(event.kind),
            host: &event.host,
            path: &event.path,
            referrer: event.referrer.as_ref().map(|referrer| (&*referrer.host, &*referrer.path)),
            utm: UtmV1::of(&event.utm),
            click_id: event.click_id.map(click_id_code),
            user_agent: &event.user_agent,
            webdriver: event.webdriver,
            country: event.country.map(|country| country.0),
            name: &event.name,
            props: &event.props,
            amount: event.amount.map(|amount| (amount.currency, amount.minor)),
            engaged_ms: event.engaged_ms,
        }
    }

    fn into_event(self, site: SiteId, received_day: LocalDay) -> Result<Event, DecodeError> {
        Ok(Event {
            id: EventId(self.id),
            site,
            received: Millis(self.received_ms),
            received_day,
            time: Millis(self.received_ms.wrapping_sub(self.age_ms)),
            day: LocalDay(received_day.0.wrapping_sub(self.age_days)),
            visitor: self.visitor.map(|bytes| VisitorId(u64::from_le_bytes(bytes))),
            kind: kind_of(self.kind)?,
            host: self.host.to_owned(),
            path: self.path.to_owned(),
            referrer: self
                .referrer
                .map(|(host, path)| Referrer { host: host.to_owned(), path: path.to_owned() }),
            utm: self.utm.into_utm(),
            click_id: self.click_id.map(click_id_of).transpose()?,
            user_agent: self.user_agent.to_owned(),
            webdriver: self.webdriver,
            country: self.country.map(Country),
            name: self.name.to_owned(),
            props: self.props.to_owned(),
            amount: self.amount.map(|(currency, minor)| Amount { currency, minor }),
            engaged_ms: self.engaged_ms,
        })
    }
}

impl<'a> UtmV1<'a> {
    fn of(utm: &'a Utm) -> Self {
        Self {
            source: &utm.source,
            medium: &utm.medium,
            campaign: &utm.campaign,
            content: &utm.content,
            term: &utm.term,
            plain_source: &utm.plain_source,
            plain_ref: &utm.plain_ref,
        }
    }

    fn into_utm(self) -> Utm {
        Utm {
            source: self.source.to_owned(),
            medium: self.medium.to_owned(),
            campaign: self.campaign.to_owned(),
            content: self.content.to_owned(),
            term: self.term.to_owned(),
            plain_source: self.plain_source.to_owned(),
            plain_ref: self.plain_ref.to_owned(),
        }
    }
}

// Codes are stored: they never change their meaning, whatever order the enums are written in.

fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::PageView => 0,
        Kind::Custom => 1,
        Kind::Passive => 2,
        Kind::Engagement => 3,
    }
}

fn kind_of(code: u8) -> Result<Kind, DecodeError> {
    let all = [Kind::PageView, Kind::Custom, Kind::Passive, Kind::Engagement];
    let found = all.into_iter().find(|kind| kind_code(*kind) == code);
    found.ok_or_else(|| damaged(format!("there is no event kind {code}")))
}

fn click_id_code(click_id: ClickId) -> u8 {
    match click_id {
        ClickId::Google => 0,
        ClickId::Microsoft => 1,
        ClickId::Meta => 2,
        ClickId::TikTok => 3,
        ClickId::X => 4,
        ClickId::LinkedIn => 5,
    }
}

fn click_id_of(code: u8) -> Result<ClickId, DecodeError> {
    let all =
        [ClickId::Google, ClickId::Microsoft, ClickId::Meta, ClickId::TikTok, ClickId::X, ClickId::LinkedIn];
    let found = all.into_iter().find(|click_id| click_id_code(*click_id) == code);
    found.ok_or_else(|| damaged(format!("there is no click id {code}")))
}

#[cfg(test)]
mod tests;
