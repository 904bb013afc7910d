//! A name for a visitor's day that a person can read.

const ADJECTIVES: [&str; 32] = [
    "Able", "Amber", "Brave", "Bright", "Calm", "Clever", "Cosy", "Dapper", "Eager", "Early", "Fair", "Fond",
    "Gentle", "Golden", "Happy", "Honest", "Jolly", "Keen", "Kind", "Lively", "Lucky", "Mellow", "Merry",
    "Nimble", "Patient", "Quick", "Quiet", "Silver", "Steady", "Sunny", "Warm", "Witty",
];

const ANIMALS: [&str; 32] = [
    "Badger", "Beaver", "Bison", "Crane", "Deer", "Dolphin", "Falcon", "Finch", "Fox", "Gecko", "Hare",
    "Hedgehog", "Heron", "Ibis", "Jackdaw", "Koala", "Lark", "Lemur", "Lynx", "Marten", "Mole", "Newt",
    "Otter", "Owl", "Panda", "Puffin", "Raven", "Robin", "Seal", "Stork", "Tern", "Wren",
];

pub(super) fn alias(of: &[u8; 32]) -> String {
    let pick = |words: [&'static str; 32], byte: u8| words[usize::from(byte) % words.len()];
    format!("{} {}", pick(ADJECTIVES, of[0]), pick(ANIMALS, of[1]))
}
