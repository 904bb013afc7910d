use std::collections::HashMap;
use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row, params};
use weir_event::limits::TOKEN_NAME_BYTES_MAX;
use weir_event::{Millis, SiteId};

use crate::secret::{self, Proof, Purpose};
use crate::{Registry, RegistryError, host, sites};

const HEAD: &str = "weir_";
const BYTES: usize = HEAD.len() + 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId(pub u32);

/// Which sites a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    All,
    Site(SiteId),
}

/// What a token may do with these sites. None may do both: a reading token is handed to people and
/// scripts that must not be able to change a figure, a sending one lies on servers that need see none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    Read,
    Send,
}

/// A token just made: the only time that its text is known.
#[derive(Clone)]
pub struct NewToken {
    pub token: String,
    pub id: TokenId,
    pub name: String,
}

/// A token as it can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub access: Access,
    pub right: Right,
    /// Of the one site that it is for.
    pub domain: Option<String>,
    pub created: Millis,
}

/// The tokens that may send events. In memory: a delivery's token is judged without SQL, however
/// many come with a wrong one.
#[derive(Debug, Default)]
pub(crate) struct Senders(HashMap<i64, (Vec<u8>, Access)>);

impl Senders {
    pub(crate) fn load(conn: &Connection) -> Result<Self, RegistryError> {
        let mut statement = conn.prepare("SELECT prefix, hash, site FROM tokens WHERE sends")?;
        let sender = |row: &Row<'_>| Ok((row.get(0)?, (row.get(1)?, access(row.get(2)?))));
        Ok(Self(statement.query_map([], sender)?.collect::<Result<_, _>>()?))
    }

    /// As in the database: found by the first bytes of its hash, proved by all of it.
    pub(crate) fn access(&self, token: &str) -> Option<Access> {
        let proof = proof_of(token)?;
        let (hash, access) = self.0.get(&proof.prefix)?;
        proof.matches(hash).then_some(*access)
    }
}

impl Registry {
    /// Makes a token that reads one site or, without one, all. An empty name becomes `token-<id>`.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`], [`RegistryError::TokenExists`] or [`RegistryError::NoSuchSite`].
    pub fn create_token(&self, name: &str, site: Option<&str>) -> Result<NewToken, RegistryError> {
        self.make_token(name, site, Right::Read)
    }

    /// The same for a token that sends events.
    ///
    /// # Errors
    /// As [`Self::create_token`].
    pub fn create_sending_token(&self, name: &str, site: Option<&str>) -> Result<NewToken, RegistryError> {
        self.make_token(name, site, Right::Send)
    }

    fn make_token(&self, name: &str, site: Option<&str>, right: Right) -> Result<NewToken, RegistryError> {
        let name = checked_name(name)?;
        let domain = site.map(host::normalise_domain).transpose()?;
        let token = format!("{HEAD}{}", secret::random()?);
        let proof = Proof::of(Purpose::Token, &token);
        let now = self.now();
        let (id, name) = self.write_shown(|tx| {
            let site = domain.as_deref().map(|domain| sites::required(tx, domain)).transpose()?;
            insert(tx, name, &proof, site.map(|site| site.id), right, now)
        })?;
        Ok(NewToken { token, id, name })
    }

    /// By number.
    ///
    /// # Errors
    /// What the database reports.
    pub fn tokens(&self) -> Result<Vec<Token>, RegistryError> {
        let reader = self.reader()?;
        let mut statement = reader.prepare_cached(&select("ORDER BY t.id"))?;
        let tokens = statement.query_map([], read)?.collect::<Result<_, _>>()?;
        Ok(tokens)
    }

    /// Ends a token, by its number or name.
    ///
    /// # Errors
    /// [`RegistryError::NoSuchToken`].
    pub fn revoke_token(&self, id_or_name: &str) -> Result<Token, RegistryError> {
        let given = id_or_name.trim();
        self.write_shown(|tx| {
            // No name is a number: the two can't be confused.
            let found = match given.parse::<u32>() {
                Ok(id) => tx.query_row(&select("WHERE t.id = ?1"), [id], read).optional()?,
                Err(_) => tx.query_row(&select("WHERE t.name = ?1"), [given], read).optional()?,
            };
            let token = found.ok_or_else(|| RegistryError::NoSuchToken(given.to_owned()))?;
            tx.execute("DELETE FROM tokens WHERE id = ?1", [token.id.0])?;
            Ok(token)
        })
    }

    /// What this token may read; `None` if it is none, was revoked, or is for sending
    /// ([`crate::Snapshot::sender_access`]).
    pub fn token_access(&self, token: &str) -> Option<Access> {
        let proof = proof_of(token)?;
        match self.reader().and_then(|reader| Ok(find(&reader, &proof)?)) {
            Ok(access) => access,
            Err(error) => {
                tracing::warn!(%error, "a token can't be looked up");
                None
            }
        }
    }
}

/// `None` of what can't be a token, before anything is hashed.
fn proof_of(token: &str) -> Option<Proof> {
    (token.len() == BYTES && token.starts_with(HEAD)).then(|| Proof::of(Purpose::Token, token))
}

fn insert(
    conn: &Connection,
    name: &str,
    proof: &Proof,
    site: Option<SiteId>,
    right: Right,
    now: Millis,
) -> Result<(TokenId, String), RegistryError> {
    // Numbers grow, so that an unnamed token's name is free, too, unless somebody took it.
    let next: u32 = conn.query_row(
        "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'tokens'), 0) + 1",
        [],
        |row| row.get(0),
    )?;
    let name = if name.is_empty() { format!("token-{next}") } else { name.to_owned() };
    if conn.query_row("SELECT EXISTS (SELECT 1 FROM tokens WHERE name = ?1)", [&name], |row| row.get(0))? {
        return Err(RegistryError::TokenExists(name));
    }
    conn.execute(
        "INSERT INTO tokens (id, name, prefix, hash, site, sends, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![next, name, proof.prefix, proof.hash, site.map(|id| id.0), right == Right::Send, now.0],
    )?;
    Ok((TokenId(next), name))
}

fn find(conn: &Connection, proof: &Proof) -> rusqlite::Result<Option<Access>> {
    let mut statement =
        conn.prepare_cached("SELECT hash, site FROM tokens WHERE prefix = ?1 AND NOT sends")?;
    let found = statement
        .query_row([proof.prefix], |row| Ok((row.get::<_, Vec<u8>>(0)?, access(row.get(1)?))))
        .optional()?;
    Ok(found.filter(|(hash, _)| proof.matches(hash)).map(|(_, access)| access))
}

fn select(rest: &str) -> String {
    format!(
        "SELECT t.id, t.name, t.site, t.sends, s.domain, t.created
         FROM tokens t LEFT JOIN sites s ON s.id = t.site {rest}"
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: TokenId(row.get(0)?),
        name: row.get(1)?,
        access: access(row.get(2)?),
        right: if row.get(3)? { Right::Send } else { Right::Read },
        domain: row.get(4)?,
        created: Millis(row.get(5)?),
    })
}

fn access(site: Option<u32>) -> Access {
    site.map_or(Access::All, |id| Access::Site(SiteId(id)))
}

fn checked_name(name: &str) -> Result<&str, RegistryError> {
    let name = name.trim();
    if name.len() > TOKEN_NAME_BYTES_MAX || name.contains(char::is_control) {
        return Err(RegistryError::Invalid("a token's name has at most 100 bytes, all of them printable"));
    }
    if name.parse::<u32>().is_ok() {
        return Err(RegistryError::Invalid("a token's name is no number: tokens can be revoked by theirs"));
    }
    Ok(name)
}

impl fmt::Debug for NewToken {
    /// Without the token, which must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).field("name", &self.name).finish()
    }
}
