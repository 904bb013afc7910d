//! Routes and answers.

mod answer;

mod body;

mod retry;

mod bearer;

mod trace;

mod deliver;

mod alias;

mod me;

mod pixel;

mod verdicts;

mod sdk;

mod guard;

mod routes;

pub use deliver::{EVENTS_PATH, deliver_directly, is_delivery};
pub use routes::routes;
pub use sdk::SCRIPT_PATH;
