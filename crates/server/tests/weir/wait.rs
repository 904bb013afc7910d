use std::time::{Duration, Instant};

/// Far beyond what anything here takes, so that a slow machine fails no test.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer; says what was waited for if there never is one.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "another process can only be asked again")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
