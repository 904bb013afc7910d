//! What a page holds that matters to its scripts.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

/// Policies of a page that are heeded. Each is asked for each tag, and a page may be made of nothing else.
pub(crate) const META_POLICIES_MAX: usize = 20;

/// What the head of a page may hold; anything else begins the body.
const HEAD: [&[u8]; 10] =
    [b"html", b"head", b"base", b"link", b"meta", b"noscript", b"script", b"style", b"template", b"title"];

/// Some editors put it first. It is no text, which would begin the body.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What holds text that is none of the page's.
const TEXTS: [&[u8]; 4] = [b"noscript", b"script", b"style", b"title"];

/// These end tags begin the body; that of the head does not: what may be in a head goes into it even then.
const BODY_ENDS: [&[u8]; 3] = [b"body", b"br", b"html"];

#[derive(Debug, Default)]
pub(crate) struct Content {
    /// With an address of their own.
    pub(crate) scripts: Vec<Script>,
    pub(crate) inline: Vec<Inline>,
    /// What `<meta http-equiv="Content-Security-Policy">` says in the head, in the page's order.
    pub(crate) policies: Vec<String>,
    pub(crate) base: Option<String>,
}

/// The text of a script.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inline {
    pub(crate) text: String,
    /// A browser runs it: it is of a type for that, and its tag names no file.
    pub(crate) runs: bool,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Script {
    pub(crate) src: String,
    /// A browser does not run it as it stands.
    pub(crate) is_held: bool,
    pub(crate) is_module: bool,
    /// It may run after scripts that come later in the page.
    pub(crate) is_late: bool,
    pub(crate) endpoint: Option<String>,
    pub(crate) has_domain: bool,
    pub(crate) nonce: String,
    pub(crate) integrity: String,
    /// As many of the page's own policies come before it, and bind it.
    pub(crate) policies_before: usize,
    /// As many texts of scripts come before it.
    pub(crate) inline_before: usize,
}

pub(crate) fn content(html: &[u8]) -> Content {
    let mut reader = Reader::default();
    let mut emitter = DefaultEmitter::default();
    // A text within a script, a style or a <noscript> is no tag.
    emitter.naively_switch_states(true);
    let html = html.strip_prefix(BYTE_ORDER_MARK).unwrap_or(html);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reader.begin(&tag),
            Token::EndTag(tag) => reader.end(&tag.name),
            Token::String(text) => reader.text(&text.value),
            _ => {}
        }
    }
    reader.content
}

#[derive(Default)]
struct Reader {
    content: Content,
    /// What is in a template is a pattern for scripts to copy; nothing in it runs.
    templates: usize,
    /// The last tag, where it holds text and has not ended.
    holds_text: Option<Vec<u8>>,
    /// What the last tag holds is run by browsers, if it is a script.
    runs: bool,
    in_body: bool,
}

impl Reader {
    fn begin(&mut self, tag: &StartTag<()>) {
        let name = tag.name.as_slice();
        self.templates += usize::from(name == b"template");
        self.runs = attribute(tag, "src").is_none() && runs(&kind(tag));
        self.holds_text = TEXTS.contains(&name).then(|| name.to_vec());
        if self.templates == 0 {
            self.in_body |= !HEAD.contains(&name);
            self.content.take(tag, self.in_body);
        }
    }

    fn end(&mut self, name: &[u8]) {
        self.templates = self.templates.saturating_sub(usize::from(name == b"template"));
        self.holds_text = None;
        self.in_body |= self.templates == 0 && BODY_ENDS.contains(&name);
    }

    fn text(&mut self, text: &[u8]) {
        if self.templates > 0 {
            return;
        }
        match self.holds_text.as_deref() {
            Some(b"script") => {
                let text = String::from_utf8_lossy(text).into_owned();
                self.content.inline.push(Inline { text, runs: self.runs });
            }
            Some(_) => {}
            None => self.in_body |= !text.trim_ascii().is_empty(),
        }
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(&value.value).trim().to_owned())
}

impl Content {
    fn take(&mut self, tag: &StartTag<()>, in_body: bool) {
        match tag.name.as_slice() {
            b"script" => self.scripts.extend(script(tag, self.policies.len(), self.inline.len())),
            b"base" if self.base.is_none() => self.base = attribute(tag, "href"),
            // Browsers heed no policy that a body holds.
            b"meta" if !in_body && self.policies.len() < META_POLICIES_MAX => {
                let named = attribute(tag, "http-equiv").unwrap_or_default();
                if named.eq_ignore_ascii_case("content-security-policy") {
                    self.policies.extend(attribute(tag, "content"));
                }
            }
            _ => {}
        }
    }
}

fn kind(tag: &StartTag<()>) -> String {
    attribute(tag, "type").unwrap_or_default().to_ascii_lowercase()
}

fn script(tag: &StartTag<()>, policies_before: usize, inline_before: usize) -> Option<Script> {
    let kind = kind(tag);
    let (src, aside) = (attribute(tag, "src"), address_aside(tag));
    let is_outdated = kind != "module" && attribute(tag, "nomodule").is_some();
    let is_held = !runs(&kind) || is_outdated || (src.is_none() && aside.is_some());
    Some(Script {
        src: src.or(aside)?,
        is_held,
        is_module: kind == "module",
        is_late: kind == "module" || ["async", "defer"].iter().any(|name| attribute(tag, name).is_some()),
        endpoint: attribute(tag, "data-endpoint").filter(|endpoint| !endpoint.is_empty()),
        has_domain: attribute(tag, "data-domain").is_some(),
        nonce: attribute(tag, "nonce").unwrap_or_default(),
        integrity: attribute(tag, "integrity").unwrap_or_default(),
        policies_before,
        inline_before,
    })
}

/// Where consent managers, and what delays scripts, keep the address: `data-src`, `data-cmp-src` and so on.
fn address_aside(tag: &StartTag<()>) -> Option<String> {
    let mut names = tag.attributes.keys().filter_map(|name| std::str::from_utf8(name.as_slice()).ok());
    let name = names.find(|name| name.starts_with("data-") && name.ends_with("src"))?;
    attribute(tag, name)
}

/// Whether a browser takes a script of this type for JavaScript, or a content network's loader does,
/// which puts a number before the type.
fn runs(kind: &str) -> bool {
    const JAVASCRIPT: [&str; 5] = [
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "text/ecmascript",
        "module",
    ];
    kind.is_empty() || JAVASCRIPT.contains(&kind) || kind.ends_with("-text/javascript")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(html: &str) -> Vec<String> {
        content(html.as_bytes()).scripts.into_iter().map(|script| script.src).collect()
    }

    #[test]
    fn only_a_script_that_a_browser_would_see_is_one() {
        assert_eq!(sources("<SCRIPT SRC = ' /a.js '></script>"), ["/a.js"]);
        assert_eq!(sources("<script src=/a.js?x=1&amp;y=2 defer>"), ["/a.js?x=1&y=2"]);
        for unseen in [
            "<!-- <script src=/a.js></script> -->",
            "<template><script src=/a.js></script></template>",
            "<noscript><script src=/a.js></script></noscript>",
            "<textarea><script src=/a.js></script></textarea>",
            "<title><script src=/a.js></script></title>",
            "<script>'<script src=/a.js>'</script>",
            "<p title='<script src=/a.js>'>",
        ] {
            assert!(sources(unseen).is_empty(), "{unseen}");
        }
        assert_eq!(sources("<template></template><script src=/a.js></script>"), ["/a.js"]);
    }

    #[test]
    fn a_script_of_another_type_is_held_back() {
        let is_held = |html: &str| content(html.as_bytes()).scripts[0].is_held;
        assert!(is_held("<script type=text/plain src=/a.js>"));
        assert!(is_held("<script data-src=/a.js>"));
        assert!(is_held("<script type=rocketlazyloadscript data-rocket-src=/a.js>"));
        assert!(is_held("<script nomodule src=/a.js>"));
        assert!(!is_held("<script type=module nomodule src=/a.js>"));
        for runs in ["", "type=''", "type=module", "type=Text/JavaScript", "type=1a2b-text/javascript"] {
            assert!(!is_held(&format!("<script {runs} src=/a.js>")), "{runs}");
        }
    }

    #[test]
    fn a_policy_binds_the_scripts_after_it() {
        let page = content(
            b"<script src=a></script><meta http-equiv=content-security-policy content=\"script-src 'none'\">\
              <script src=b></script><script>text</script>",
        );
        let before: Vec<_> = page.scripts.iter().map(|script| script.policies_before).collect();
        let text = Inline { text: "text".to_owned(), runs: true };
        assert_eq!((before, page.policies.len(), page.inline), (vec![0, 1], 1, vec![text]));
    }

    #[test]
    fn of_texts_of_scripts_it_is_known_which_run_and_which_come_first() {
        let html = "<script>a</script><script src=/1.js>b</script><script type=text/plain>c</script><script src=/2.js defer>";
        let page = content(html.as_bytes());
        let texts: Vec<_> = page.inline.iter().map(|inline| (inline.text.as_str(), inline.runs)).collect();
        assert_eq!(texts, [("a", true), ("b", false), ("c", false)]);
        let scripts: Vec<_> =
            page.scripts.iter().map(|script| (script.inline_before, script.is_late)).collect();
        assert_eq!(scripts, [(1, false), (3, true)]);
    }

    #[test]
    fn a_policy_counts_in_the_head_only_and_so_many_do() {
        let meta = "<meta http-equiv=content-security-policy content=\"script-src 'none'\">";
        let policies = |html: &str| content(html.as_bytes()).policies.len();
        let heads = [
            "<html><head><title>a</title>",
            "</head>",
            "<template><p>a</p></template>",
            "</p>",
            "\u{feff} \n",
        ];
        for head in heads {
            assert_eq!(policies(&format!("{head}{meta}")), 1, "{head}");
        }
        for body in ["<body>", "<p>", "</html>", "</br>", "a", "<script>a</script> b"] {
            assert_eq!(policies(&format!("{body}{meta}")), 0, "{body}");
        }
        assert_eq!(policies(&meta.repeat(META_POLICIES_MAX)), META_POLICIES_MAX);
        assert_eq!(policies(&meta.repeat(META_POLICIES_MAX + 1)), META_POLICIES_MAX);
    }
}
