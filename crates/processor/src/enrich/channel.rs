use weir_event::ClickId;

use super::sources::Category;

/// Everything that decides a visit's channel. Texts are in lower case.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trail<'a> {
    /// What the address or the referrer said, before lists made a name of it; empty for direct.
    pub(super) source: &'a str,
    pub(super) category: Option<Category>,
    /// The source is a site that links here, rather than a campaign's word for itself.
    pub(super) from_site: bool,
    pub(super) medium: &'a str,
    pub(super) campaign: &'a str,
    pub(super) click_id: Option<ClickId>,
}

type Rule = (&'static str, fn(&Trail<'_>) -> bool);

/// The default channel rules that Google Analytics 4 publishes, in its order: the first that fits
/// decides. Ours beyond them: click ids count as paid where the address names no medium, AI assistants
/// have a channel, tools that send newsletters are e-mail, and a link without a medium is a referral
/// (last, since it asks for the least).
const RULES: [Rule; 20] = [
    ("Direct", |trail| trail.source.is_empty() && trail.medium().is_empty()),
    ("Cross-network", |trail| trail.campaign.contains("cross-network")),
    ("Paid Shopping", |trail| trail.is_shopping() && trail.is_paid()),
    ("Paid Search", |trail| trail.is_paid_at(Category::Search)),
    ("Paid Social", |trail| trail.is_paid_at(Category::Social)),
    ("Paid Video", |trail| trail.is_paid_at(Category::Video)),
    ("Display", |trail| ["display", "banner", "expandable", "interstitial", "cpm"].contains(&trail.medium)),
    ("Paid Other", |trail| trail.is_paid()),
    ("AI Assistants", |trail| trail.is(Category::AiAssistant)),
    ("Organic Shopping", |trail| trail.is_shopping()),
    ("Organic Social", |trail| trail.is(Category::Social) || is_social(trail.medium)),
    ("Organic Video", |trail| trail.is(Category::Video) || trail.medium.contains("video")),
    ("Organic Search", |trail| trail.is(Category::Search) || trail.medium == "organic"),
    ("Email", |trail| is_email(trail.source) || is_email(trail.medium) || trail.is(Category::Email)),
    ("Affiliates", |trail| ["affiliate", "affiliates"].contains(&trail.medium)),
    ("Audio", |trail| trail.medium == "audio"),
    ("SMS", |trail| trail.source == "sms" || trail.medium == "sms"),
    ("Mobile Push Notifications", |trail| {
        trail.medium.ends_with("push")
            || trail.medium.contains("mobile")
            || trail.medium.contains("notification")
            || trail.source == "firebase"
    }),
    ("Referral", |trail| trail.is_referral()),
    ("Unassigned", |_| true),
];

/// The channel's name.
pub(super) fn channel(trail: &Trail<'_>) -> &'static str {
    RULES.iter().find(|(_, fits)| fits(trail)).map_or("Unassigned", |(name, _)| name)
}

impl Trail<'_> {
    fn is(&self, category: Category) -> bool {
        self.category == Some(category)
    }

    fn is_paid_at(&self, category: Category) -> bool {
        // Where no list knows the source, the network of the click id is the place.
        let place = match self.category {
            None | Some(Category::Other) => self.click_id.and_then(paid_place),
            known => known,
        };
        self.is_paid() && place == Some(category)
    }

    fn medium(&self) -> &str {
        if ["(none)", "none", "(not set)"].contains(&self.medium) { "" } else { self.medium }
    }

    /// The medium says so, or says nothing while there is a click id that only advertisements carry.
    fn is_paid(&self) -> bool {
        let medium = self.medium();
        medium.contains("cp")
            || medium == "ppc"
            || medium == "retargeting"
            || medium.starts_with("paid")
            || (medium.is_empty() && self.click_id.and_then(paid_place).is_some())
    }

    fn is_shopping(&self) -> bool {
        self.is(Category::Shopping) || names_a_shop(self.campaign)
    }

    fn is_referral(&self) -> bool {
        ["referral", "app", "link"].contains(&self.medium)
            || (self.medium().is_empty() && (self.from_site || self.category == Some(Category::Other)))
    }
}

/// Where an advertisement with this click id was shown. Meta adds its id to every link, paid or not.
fn paid_place(click_id: ClickId) -> Option<Category> {
    match click_id {
        ClickId::Google | ClickId::Microsoft => Some(Category::Search),
        ClickId::TikTok | ClickId::X | ClickId::LinkedIn => Some(Category::Social),
        ClickId::Meta => None,
    }
}

fn is_social(medium: &str) -> bool {
    ["social", "social-network", "social-media", "sm", "social network", "social media"].contains(&medium)
}

fn is_email(word: &str) -> bool {
    ["email", "e-mail", "e_mail", "e mail", "newsletter"].contains(&word)
}

/// `shop` as a word's beginning (or after an e, as in "eshop"), `shopping` anywhere.
fn names_a_shop(campaign: &str) -> bool {
    let begins = |at: usize| {
        campaign[..at].chars().next_back().is_none_or(|before| !matches!(before, 'a'..='d' | 'f'..='z'))
    };
    campaign.contains("shopping") || campaign.match_indices("shop").any(|(at, _)| begins(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (source, category, medium, campaign, click id) -> channel
    fn check_channel(
        (source, category, medium, campaign, click_id): (&str, Option<Category>, &str, &str, Option<ClickId>),
        expected: &str,
    ) {
        let trail = Trail { source, category, from_site: false, medium, campaign, click_id };
        assert_eq!(channel(&trail), expected, "{trail:?}");
    }

    #[test]
    fn each_rule_has_its_channel() {
        use Category::{AiAssistant, Email, Other, Search, Shopping, Social, Video};
        for (trail, expected) in [
            (("", None, "", "", None), "Direct"),
            (("", None, "(none)", "", None), "Direct"),
            (("google", Some(Search), "cpc", "x cross-network", None), "Cross-network"),
            (("amazon", Some(Shopping), "cpc", "", None), "Paid Shopping"),
            (("google", Some(Search), "cpc", "spring-shopping", None), "Paid Shopping"),
            (("google", Some(Search), "cpc", "eshop", None), "Paid Shopping"),
            (("google", Some(Search), "cpc", "workshop", None), "Paid Search"),
            (("google", Some(Search), "ppc", "", None), "Paid Search"),
            (("google", Some(Search), "", "", Some(ClickId::Google)), "Paid Search"),
            (("partner", None, "", "", Some(ClickId::Google)), "Paid Search"),
            (("partner", None, "email", "", Some(ClickId::Google)), "Email"),
            (("bing", Some(Search), "paidsearch", "", None), "Paid Search"),
            (("facebook", Some(Social), "paid_social", "", None), "Paid Social"),
            (("x", Some(Social), "", "", Some(ClickId::X)), "Paid Social"),
            (("facebook", Some(Social), "", "", Some(ClickId::Meta)), "Organic Social"),
            (("youtube", Some(Video), "cpv,cpc", "", None), "Paid Video"),
            (("youtube", Some(Video), "", "", Some(ClickId::Google)), "Paid Video"),
            (("partner", None, "banner", "", None), "Display"),
            (("google", Some(Search), "display", "", Some(ClickId::Google)), "Display"),
            (("partner", None, "cpm", "", None), "Display"),
            (("google", Some(Search), "cpm", "", None), "Paid Search"),
            (("partner", None, "cpc", "", None), "Paid Other"),
            (("partner", None, "retargeting", "", None), "Paid Other"),
            (("chatgpt", Some(AiAssistant), "", "", None), "AI Assistants"),
            (("chatgpt", Some(AiAssistant), "cpc", "", None), "Paid Other"),
            (("ebay", Some(Shopping), "", "", None), "Organic Shopping"),
            (("partner", None, "web", "shop-opening", None), "Organic Shopping"),
            (("reddit", Some(Social), "", "", None), "Organic Social"),
            (("partner", None, "social", "", None), "Organic Social"),
            (("vimeo", Some(Video), "", "", None), "Organic Video"),
            (("partner", None, "video-ad", "", None), "Organic Video"),
            (("ecosia", Some(Search), "", "", None), "Organic Search"),
            (("partner", None, "organic", "", None), "Organic Search"),
            (("newsletter", None, "", "", None), "Email"),
            (("partner", None, "e-mail", "", None), "Email"),
            (("mailchimp", Some(Email), "", "", None), "Email"),
            (("partner", None, "affiliate", "", None), "Affiliates"),
            (("partner", None, "referral", "", None), "Referral"),
            (("github", Some(Other), "", "", None), "Referral"),
            (("partner", None, "audio", "", None), "Audio"),
            (("sms", None, "", "", None), "SMS"),
            (("partner", None, "web-push", "", None), "Mobile Push Notifications"),
            (("firebase", None, "", "", None), "Mobile Push Notifications"),
            (("partner", None, "", "", None), "Unassigned"),
            (("partner", None, "flyer", "", None), "Unassigned"),
            (("", None, "flyer", "", None), "Unassigned"),
        ] {
            check_channel(trail, expected);
        }
    }

    #[test]
    fn a_site_that_links_here_is_a_referral() {
        let trail = Trail { source: "blog.example", from_site: true, ..Trail::default() };
        assert_eq!(channel(&trail), "Referral");
    }
}
