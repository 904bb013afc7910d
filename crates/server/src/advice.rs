//! What helps against trouble of the disk and its files: the end of each message about it.

use weir_processor::ProcessorError;
use weir_queue::QueueError;
use weir_registry::RegistryError;
use weir_sqlite::Trouble;
use weir_store::StoreError;

/// `None` where the error says all there is to say.
pub(crate) fn against(trouble: Trouble) -> Option<&'static str> {
    match trouble {
        Trouble::Full => Some("free some space on its disk: it goes on by itself"),
        Trouble::ReadOnly => {
            Some("check its owner and whether its disk was mounted read-only: it goes on by itself")
        }
        Trouble::Io => Some("its disk reports errors, see the system's log: it goes on by itself"),
        Trouble::Corrupt => Some("`weir check` says what is damaged, `weir repair` saves what can be read"),
        Trouble::Busy | Trouble::Missing | Trouble::Replaced | Trouble::Refused | Trouble::Other => None,
    }
}

/// A message with what helps.
pub(crate) fn told(message: String, trouble: Option<Trouble>) -> String {
    match trouble.and_then(against) {
        Some(advice) => format!("{message}; {advice}"),
        None => message,
    }
}

/// A command's error, in one line.
pub(crate) fn of_command(error: &anyhow::Error) -> String {
    told(format!("{error:#}"), trouble_of(error))
}

fn trouble_of(error: &anyhow::Error) -> Option<Trouble> {
    let store = error.downcast_ref::<StoreError>().map(StoreError::trouble);
    let queue = || error.downcast_ref::<QueueError>().and_then(QueueError::trouble);
    let registry = || error.downcast_ref::<RegistryError>().and_then(RegistryError::trouble);
    let processor = || error.downcast_ref::<ProcessorError>().and_then(ProcessorError::trouble);
    let sqlite = || error.downcast_ref::<weir_sqlite::Error>().map(weir_sqlite::Error::trouble);
    store.or_else(queue).or_else(registry).or_else(processor).or_else(sqlite)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn an_error_ends_with_what_helps_wherever_it_comes_from() {
        let damaged = || weir_sqlite::Error::refusal("damaged".to_owned()).with(Trouble::Corrupt);
        let errors: [anyhow::Error; 5] = [
            damaged().into(),
            StoreError::from(damaged()).into(),
            QueueError::from(damaged()).into(),
            RegistryError::from(damaged()).into(),
            ProcessorError::from(StoreError::from(damaged())).into(),
        ];
        for error in errors {
            let told = of_command(&Err::<(), _>(error).context("while opening").expect_err("an error"));
            assert!(told.starts_with("while opening: ") && told.contains("weir repair"), "{told}");
        }
        assert_eq!(of_command(&anyhow::anyhow!("no more than this")), "no more than this");
    }
}
