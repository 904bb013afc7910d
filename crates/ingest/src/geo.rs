use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::PathElement;
use weir_event::Country;

use crate::ConfigError;

/// Which country an address belongs to.
#[derive(Clone, Default)]
pub enum Geo {
    /// The table in the program: the registries' allocations. No download, no account; the country
    /// of assignment rather than of use.
    #[default]
    BuiltIn,
    /// The operator's own file in MaxMind's format (country or city).
    Mmdb(Arc<maxminddb::Reader<Vec<u8>>>),
}

impl std::fmt::Debug for Geo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BuiltIn => "Geo::BuiltIn",
            Self::Mmdb(_) => "Geo::Mmdb",
        })
    }
}

impl Geo {
    /// Reads the operator's file into memory.
    ///
    /// # Errors
    /// Names the file and says what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let reader = maxminddb::Reader::open_readfile(path)
            .map_err(|e| ConfigError::Geo { path: path.to_owned(), why: e.to_string() })?;
        Ok(Self::Mmdb(Arc::new(reader)))
    }

    pub(crate) fn country(&self, ip: IpAddr) -> Option<Country> {
        let code = match self {
            Self::BuiltIn => iptocc::country_code(ip)?,
            Self::Mmdb(reader) => {
                // An address that the file can't answer for has no country; that is no error.
                let found = reader.lookup(ip).ok()?;
                found
                    .decode_path::<&str>(&[PathElement::Key("country"), PathElement::Key("iso_code")])
                    .ok()??
            }
        };
        let code: [u8; 2] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_alphabetic).then(|| Country(code.map(|c| c.to_ascii_uppercase())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(geo: &Geo, ip: &str) -> Option<String> {
        geo.country(ip.parse().expect("an address")).map(|country| country.as_str().to_owned())
    }

    #[test]
    fn the_built_in_table_knows_public_addresses_and_no_private_ones() {
        let geo = Geo::default();
        assert_eq!(country(&geo, "193.0.6.139").as_deref(), Some("NL"));
        assert_eq!(country(&geo, "2001:67c:2e8::1").as_deref(), Some("NL"));
        for private in ["127.0.0.1", "10.0.0.1", "::1", "0.0.0.0"] {
            assert_eq!(country(&geo, private), None, "{private}");
        }
    }

    /// A database with one branch: the lower half of IPv4 is in `code`, the upper half unknown.
    fn tiny_mmdb(code: &str) -> Vec<u8> {
        let text = |s: &str| [&[0x40 | s.len() as u8], s.as_bytes()].concat();
        let tree = [0, 0, 1 + 16, 0, 0, 1];
        let record = [vec![0xe1], text("country"), vec![0xe1], text("iso_code"), text(code)].concat();
        let number = |key: &str, kind: u8, value: u8| [text(key), vec![kind | 1, value]].concat();
        let metadata = [
            b"\xab\xcd\xefMaxMind.com".to_vec(),
            vec![0xe9],
            number("node_count", 0xc0, 1),
            number("record_size", 0xa0, 24),
            number("ip_version", 0xa0, 4),
            [text("database_type"), text("Tiny-Country")].concat(),
            [text("languages"), vec![0x00, 0x04]].concat(),
            number("binary_format_major_version", 0xa0, 2),
            [text("binary_format_minor_version"), vec![0xa0]].concat(),
            [text("build_epoch"), vec![0x01, 0x02, 1]].concat(),
            [text("description"), vec![0xe0]].concat(),
        ];
        [tree.to_vec(), vec![0; 16], record, metadata.concat()].concat()
    }

    #[test]
    fn the_operator_s_file_decides_where_there_is_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("country.mmdb");
        std::fs::write(&path, tiny_mmdb("ke")).expect("writes");
        let geo = Geo::open(&path).expect("opens");
        assert_eq!(country(&geo, "8.8.8.8").as_deref(), Some("KE"));
        assert_eq!(country(&geo, "200.0.0.1"), None);
        assert_eq!(country(&geo, "2001:db8::1"), None);
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("broken.mmdb");
        std::fs::write(&path, "not a database").expect("writes");
        for path in [path, dir.path().join("missing.mmdb")] {
            let error = Geo::open(&path).expect_err("no database").to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }
}
