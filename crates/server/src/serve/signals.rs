use tokio::signal::unix::{SignalKind, signal};

/// Listens from now on, and resolves when somebody asks. To be called within a runtime.
pub(crate) fn asked_to_stop() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without signals there is no being asked; the operating system still can end the process.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
