//! Futures without a runtime: each is begun when the plan says so, and awaited by a thread that
//! sleeps.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A future that has done what it can at once.
pub(super) struct Begun<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    answer: Option<T>,
}

impl<'a, T> Begun<'a, T> {
    pub fn new(future: impl Future<Output = T> + 'a) -> Self {
        let mut begun = Self { future: Box::pin(future), answer: None };
        begun.poll(Waker::noop());
        begun
    }

    fn poll(&mut self, waker: &Waker) {
        if self.answer.is_none()
            && let Poll::Ready(answer) = self.future.as_mut().poll(&mut Context::from_waker(waker))
        {
            self.answer = Some(answer);
        }
    }

    pub fn wait(mut self) -> T {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            self.poll(&waker);
            match self.answer {
                Some(answer) => return answer,
                None => std::thread::park(),
            }
        }
    }
}
