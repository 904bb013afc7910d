/// What the visitor holds or sits in front of. No list is needed: browsers say it in a few words.
/// Order matters: televisions and consoles claim to be phones or desktops as well.
pub(super) fn device(user_agent: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
    if user_agent.is_empty() {
        ""
    } else if says(&TELEVISIONS) {
        "TV"
    } else if says(&["PlayStation", "Xbox", "Nintendo"]) {
        "Console"
    } else if says(&["iPad", "Tablet", "PlayBook", "Kindle"]) && !says(&["Tablet PC"]) {
        "Tablet"
    } else if says(&["Mobi", "iPhone", "iPod", "Windows Phone", "BlackBerry", "Opera Mini", "KAIOS"]) {
        "Mobile"
    } else if says(&["Android", "Silk/"]) {
        // Browsers on Android phones say Mobile, those on tablets leave it out.
        "Tablet"
    } else {
        "Desktop"
    }
}

const TELEVISIONS: [&str; 17] = [
    "SmartTV",
    "SMART-TV",
    "Smart TV",
    "SmartHub",
    "HbbTV",
    "AppleTV",
    "Apple TV",
    "GoogleTV",
    "Google TV",
    "Android TV",
    "BRAVIA",
    "Web0S",
    "NetCast",
    "CrKey",
    "Roku",
    "VIDAA",
    // Fire TV names its models so: AFTMM, AFTKA.
    " AFT",
];
