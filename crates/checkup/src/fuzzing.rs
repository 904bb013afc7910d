//! What must hold of any page and any policy. Behind `--cfg fuzzing`, which no release sets, and in tests.

use url::Url;

use crate::Server;
use crate::content::Script;
use crate::csp::{HEADER_POLICIES_MAX, policies};
use crate::fetch::Page;
use crate::judge::judge;

const PAGE: &str = "https://shop.test/cart";
const SCRIPT: &str = "https://stats.test/y/api/v1/weir.js";

/// The first line is the policy of the answer's head, the rest is the page.
pub fn checkup(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let policy = String::from_utf8_lossy(&data[..line]).into_owned();
    let url = Url::parse(PAGE).expect("a URL");
    further_policies_only_forbid(&policy, &url);
    let server = Server::new("https://stats.test", None, None).expect("an address");
    let page = Page { url, policies: vec![policy], body: data[line..].to_vec(), is_cut: false };
    for found in judge(&page, "shop.test", &server) {
        assert!(found.text().len() < 2_000 && found.advice().len() < 2_000, "{found:?}");
    }
}

/// A policy that lets nothing in is stronger than any other, and one that lets all in changes nothing.
fn further_policies_only_forbid(policy: &str, page: &Url) {
    let script = Url::parse(SCRIPT).expect("a URL");
    let tag = Script::default();
    let lets_load = |text: &str| policies(text).all(|policy| policy.lets_load(page, &script, &tag));
    let lets_connect = |text: &str| policies(text).all(|policy| policy.lets_connect(page, &script));
    assert!(!lets_load(&format!("script-src 'none',{policy}")));
    assert!(!lets_connect(&format!("connect-src 'none',{policy}")));
    // One more in front pushes the last one out.
    if policies(policy).count() < HEADER_POLICIES_MAX {
        assert_eq!(lets_load(&format!("script-src *,{policy}")), lets_load(policy));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_page_is_judged() {
        weir_testkit::replay("checkup", super::checkup);
    }
}
