//! What stands behind a chore's name.

use anyhow::{Context, bail};

/// Words, and flags of which each has a whole number.
pub(crate) struct Flags {
    pub words: Vec<String>,
    numbers: Vec<(String, u64)>,
}

impl Flags {
    pub(crate) fn read(args: &[String], known: &[&str]) -> anyhow::Result<Self> {
        let mut flags = Self { words: Vec::new(), numbers: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let Some(name) = arg.strip_prefix("--") else {
                flags.words.push(arg.clone());
                continue;
            };
            if !known.contains(&name) {
                bail!("there is no --{name}: there are --{}", known.join(", --"));
            }
            let value = args.next().with_context(|| format!("--{name} needs a number"))?;
            let number = value.parse().with_context(|| format!("--{name} {value} is no whole number"))?;
            flags.numbers.push((name.to_owned(), number));
        }
        Ok(flags)
    }

    /// The last one given.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.numbers.iter().rev().find(|(known, _)| known == name).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> anyhow::Result<Flags> {
        Flags::read(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(), &["seed"])
    }

    #[test]
    fn words_and_numbers_are_told_apart() {
        let flags = read(&["page", "--seed", "7", "--seed", "8"]).expect("good");
        assert_eq!((flags.words.as_slice(), flags.number("seed")), (&["page".to_owned()][..], Some(8)));
        assert_eq!(read(&[]).expect("good").number("seed"), None);
        for bad in [&["--seed"][..], &["--seed", "x"], &["--speed", "7"]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
