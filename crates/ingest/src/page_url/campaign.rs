use weir_event::{ClickId, Utm, limits};

use super::PageUrl;

/// What the page's query says of where the visitor came from. Of a click id only which network it
/// belongs to is kept: its value names a person's click.
pub(crate) fn campaign(page: &PageUrl) -> (Utm, Option<ClickId>) {
    let mut utm = Utm::default();
    let mut click_id = None;
    for (key, value) in page.query_pairs() {
        let field = match &*key {
            "utm_source" => &mut utm.source,
            "utm_medium" => &mut utm.medium,
            "utm_campaign" => &mut utm.campaign,
            "utm_content" => &mut utm.content,
            "utm_term" => &mut utm.term,
            "source" => &mut utm.plain_source,
            "ref" => &mut utm.plain_ref,
            _ => {
                click_id = click_id.or_else(|| network_of(&key).filter(|_| !value.is_empty()));
                continue;
            }
        };
        if field.is_empty() {
            *field = label(&value);
        }
    }
    (utm, click_id)
}

fn network_of(key: &str) -> Option<ClickId> {
    Some(match key {
        "gclid" | "gbraid" | "wbraid" => ClickId::Google,
        "msclkid" => ClickId::Microsoft,
        "fbclid" => ClickId::Meta,
        "ttclid" => ClickId::TikTok,
        "twclid" => ClickId::X,
        "li_fat_id" => ClickId::LinkedIn,
        _ => return None,
    })
}

/// Anybody can put anything into a link: what is no text is left out, not the visit.
fn label(value: &str) -> String {
    let mut label: String = value.trim().chars().filter(|c| !c.is_control()).collect();
    label.truncate(label.floor_char_boundary(limits::LABEL_BYTES_MAX));
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> (Utm, Option<ClickId>) {
        campaign(&PageUrl::parse(&format!("https://example.com/?{query}")).expect("a page"))
    }

    #[test]
    fn every_label_has_its_place_and_the_first_wins() {
        let (utm, click) = of("utm_source=a&utm_medium=b&utm_campaign=c+d&utm_content=e&utm_term=%C3%A9\
            &source=f&ref=g&utm_source=late&other=x");
        let expected = Utm {
            source: "a".into(),
            medium: "b".into(),
            campaign: "c d".into(),
            content: "e".into(),
            term: "é".into(),
            plain_source: "f".into(),
            plain_ref: "g".into(),
        };
        assert_eq!((utm, click), (expected, None));
    }

    #[test]
    fn of_a_click_id_only_the_network_is_kept() {
        for (key, network) in [
            ("gclid", ClickId::Google),
            ("gbraid", ClickId::Google),
            ("wbraid", ClickId::Google),
            ("msclkid", ClickId::Microsoft),
            ("fbclid", ClickId::Meta),
            ("ttclid", ClickId::TikTok),
            ("twclid", ClickId::X),
            ("li_fat_id", ClickId::LinkedIn),
        ] {
            assert_eq!(of(&format!("{key}=secret")), (Utm::default(), Some(network)), "{key}");
            assert_eq!(of(&format!("{key}=")).1, None, "{key}");
        }
    }

    #[test]
    fn labels_are_cleaned_and_cut_at_the_limit() {
        assert_eq!(of("ref=%20a%00%0Ab%20").0.plain_ref, "ab");
        for bytes in [limits::LABEL_BYTES_MAX, limits::LABEL_BYTES_MAX + 1] {
            assert_eq!(of(&format!("ref={}", "x".repeat(bytes))).0.plain_ref.len(), limits::LABEL_BYTES_MAX);
        }
    }
}
