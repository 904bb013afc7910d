use std::fs;
use std::path::Path;

use crate::{effort, seed};

/// Mutations of each input.
const MUTATIONS: u32 = 60;
/// An input longer than this is cut: what lies beyond is the same code again.
const BYTES_MAX: usize = 64 * 1024;

/// Gives `check` every input of `fuzz/corpus/<target>`, then mutations of them, the same each time. What
/// a fuzzer does at length with the compiler's help, as an ordinary test.
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let seeds = seeds(target);
    let mut lots = Lots(seed() ^ 0x9e37_79b9_7f4a_7c15);
    for input in &seeds {
        check(input);
    }
    for _ in 0..effort(MUTATIONS) {
        for input in &seeds {
            let mut mutated = input.clone();
            for _ in 0..=lots.below(4) {
                mutate(&mut mutated, &seeds, &mut lots);
            }
            mutated.truncate(BYTES_MAX);
            check(&mutated);
        }
    }
}

/// The corpus in the order of its names, with the empty input.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("can be listed").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no inputs", folder.display());
    let read = |path| fs::read(path).expect("can be read");
    std::iter::once(Vec::new()).chain(paths.iter().map(read)).collect()
}

/// Bytes that parsers treat differently from their neighbours.
const TELLING: &[u8] = b"\0\t\n\r \"#%&'()+,-./09:;<=>?@AZ[\\]_az{}~\x7f\x80\xbf\xc0\xe2\xf0\xff";

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], lots: &mut Lots) {
    let at = lots.below(input.len() + 1);
    let end = at + lots.below(input.len() - at + 1).min(32);
    match lots.below(8) {
        0 if at < input.len() => input[at] ^= 1 << lots.below(8),
        1 if at < input.len() => input[at] = TELLING[lots.below(TELLING.len())],
        2 => input.insert(at, TELLING[lots.below(TELLING.len())]),
        3 => drop(input.drain(at..end)),
        4 => {
            let again = input[at..end].repeat(1 + lots.below(4));
            input.splice(at..at, again);
        }
        5 => {
            // Another input's piece.
            let other = &seeds[lots.below(seeds.len())];
            let from = lots.below(other.len() + 1);
            let to = from + lots.below(other.len() - from + 1);
            input.splice(at..end, other[from..to].iter().copied());
        }
        6 => {
            const NUMBERS: [&str; 8] =
                ["-1", "0", "255", "65536", "4294967296", "9223372036854775808", "1e400", "-0.0"];
            input.splice(at..end, NUMBERS[lots.below(NUMBERS.len())].bytes());
        }
        _ => input.truncate(at),
    }
}

/// SplitMix64: small, and good enough to choose places.
struct Lots(u64);

impl Lots {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = (z ^ (z >> 31)) as usize;
        drawn.checked_rem(n).unwrap_or(0)
    }
}
