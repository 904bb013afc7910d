//! What must hold of any host, domain and file of day keys. Behind `--cfg fuzzing`, which no release
//! sets, and in tests.

use weir_event::limits::{HOST_BYTES_MAX, HOST_LABEL_BYTES_MAX};

use crate::{host, key_file, site};

/// A host has one spelling, a domain is a host, and a network is one that addresses can lie in.
pub fn hosts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(once) = host::normalise_host(text) {
        is_a_host(&once);
        assert_eq!(host::normal(&once).as_deref(), Some(once.as_str()), "from {text:?}");
        assert!(host::parents(&once).all(|parent| once.ends_with(parent) && parent.len() < once.len()));
    }
    match host::normalise_domain(text) {
        Ok(domain) => {
            is_a_host(&domain);
            assert_eq!(host::normalise_domain(&domain).ok().as_ref(), Some(&domain), "from {text:?}");
            assert_eq!(host::normalise_host(&domain).as_ref(), Some(&domain), "from {text:?}");
        }
        Err(refusal) => assert!(refusal.to_string().len() < 1_000, "{refusal}"),
    }
    if let Some(range) = site::ip_range(text) {
        assert!(range.contains(&range.addr()) && range.contains(&range.network()), "{range}");
    }
}

fn is_a_host(host: &str) {
    assert!(!host.is_empty() && host.len() <= HOST_BYTES_MAX, "{host:?}");
    assert!(host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@%\\".contains(&byte)), "{host:?}");
    let labels = || host.split('.');
    assert!(labels().all(|label| !label.is_empty() && label.len() <= HOST_LABEL_BYTES_MAX), "{host:?}");
    assert_eq!(host, host.to_ascii_lowercase());
}

/// What can be read as day keys is written as it was, but for the order of its lines.
pub fn day_keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(keys) = key_file::parse(text) else { return };
    let written = key_file::format(&keys);
    assert!(key_file::parse(&written).is_some_and(|again| again == keys), "{text:?}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_text_is_a_host_or_refused() {
        weir_testkit::replay("hosts", super::hosts);
    }

    #[test]
    fn any_file_is_one_of_keys_or_refused() {
        weir_testkit::replay("day_keys", super::day_keys);
    }
}
