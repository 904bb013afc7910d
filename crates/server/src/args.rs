//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Self-hosted web analytics that never loses a visit and never counts one twice.
///
/// Without a command, weir serves: it takes events, counts them and shows the dashboard.
/// Exit codes: 0 done; 1 done, and the answer is no (a row differs, something is unwell);
/// 2 the command line makes no sense; 3 it could not be done, the message says why.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    /// The folder that everything is kept in
    #[arg(long, global = true, env = "WEIR_DATA", default_value = "./data", value_name = "DIR")]
    pub data: PathBuf,
    /// Settings file; weir.toml in the working directory is read if it is there
    #[arg(long, global = true, env = "WEIR_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:3000]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Print machine-readable JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Take events, count them and show the dashboard (the default)
    Serve,
    /// Show a site with a past and live visitors: no set-up, no login, nothing left behind.
    ///
    /// Everything is in a fresh temporary folder; --data is left alone.
    Demo(DemoArgs),
    /// Add, list and remove sites
    #[command(subcommand)]
    Site(SiteCommand),
    /// Add users and set passwords
    #[command(subcommand)]
    User(UserCommand),
    /// Create, list and revoke API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Recompute every statistic from the event log and compare; exits 1 when a row differs
    Verify {
        /// Only this site
        #[arg(long, value_name = "DOMAIN")]
        site: Option<String>,
    },
    /// Make the statistics anew from the event log; a running server does it beside its work
    Rebuild {
        /// Only this site
        #[arg(long, value_name = "DOMAIN")]
        site: Option<String>,
        /// Ask the running server, and don't wait until it is done
        #[arg(long)]
        no_wait: bool,
    },
    /// Show what became of every event: stored, set aside, duplicate, pending
    Ledger {
        /// Only this site
        #[arg(long, value_name = "DOMAIN")]
        site: Option<String>,
    },
    /// List rows that could not be counted, try them again, or give them up
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Look for damage in the databases; exits 1 when something is damaged
    ///
    /// Beside a running server every row is read in short steps. While none runs, and with --full,
    /// indices and structure are checked as well.
    Check {
        /// Check all of the structure beside a running server, too: its logs grow meanwhile
        #[arg(long)]
        full: bool,
    },
    /// Save what can be read of damaged databases into new ones (stop the server first)
    ///
    /// Statistics are made anew from the event log. The damaged files are kept.
    Repair {
        /// Go on where rows are lost
        #[arg(long)]
        yes: bool,
    },
    /// Measure this machine: ingest, acknowledgements, drain, questions, storage, memory, start
    Bench(BenchArgs),
    /// Ask the running server how it is; exits 1 when something is unwell
    Health,
}

#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// Visitors of the site on an ordinary day
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub visitors_per_day: u32,
    /// How far its past goes back
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=730))]
    pub days: u32,
}

/// Works in fresh folders beside the data folder, which go when it is done.
///
/// Each run first asks what a flush of the disk and a piece of work of one core cost; beside every
/// figure stands what it is of these. Compare such ratios between machines, not figures.
#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    #[arg(value_enum, default_value_t = Subject::All)]
    pub what: Subject,
    /// Events to drain, and in the past that is asked and weighed [default: 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=200_000_000))]
    pub events: Option<u64>,
    /// Days of the past that is asked and weighed [default: 365]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=3_650))]
    pub days: Option<u32>,
    /// Keep the past in this folder, and use it again from there
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// How long to send at each step, and at most to ask [default: 10; of together: 60]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: Option<u64>,
    /// Connections of ingest
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1,8,64,256", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub connections: Vec<u32>,
    /// Events a second: of ack [default: 1000,10000,20000,40000], fresh [10000], together [70000],
    /// memory [50000], and what overload takes for sustainable [measured]
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    pub rate: Vec<u64>,
    /// Overload goes up to this many times what the machine sustains
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub factor: u32,
    /// Measure so many times, and tell best and median
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Say what changed, beyond noise, since these results of --json; exits 1 when something is worse
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Draw curves of the results into this folder, as SVG
    #[arg(long, value_name = "DIR")]
    pub plot: Option<PathBuf>,
    /// Results of --json to draw as well, such as those of other sizes; may be given again
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// How many events are taken a second, in batches of 10 and one by one
    Ingest,
    /// How long an acknowledgement takes at fixed rates, also beside draining and reading
    Ack,
    /// How fast a full queue is folded, and whether that slows down
    Drain,
    /// Taking and folding a steady stream at once
    Together,
    /// How long after its acknowledgement an event is in the answer to a question
    Fresh,
    /// How long the dashboard's questions take, also beside ingest
    Query,
    /// How much room an event takes
    Storage,
    /// How large the files get in a day, a year and five years
    Growth,
    /// How much memory it takes, at rest, under load and asked
    Memory,
    /// How long until the first event is taken, on nothing and after a kill
    Start,
    /// What happens when 1, 2, 5 and 10 times as much comes as can be folded; not part of all
    Overload,
    /// How fast a past is verified and rebuilt beside a server, and what that holds up; not part of all
    Verify,
    /// Enter a past into --store, and measure nothing but that; not part of all
    Fill,
    /// Draw what is in --from, or --compare it, and measure nothing; not part of all
    Plot,
    /// All but overload, verify, fill and plot
    All,
}

#[derive(Subcommand)]
pub(crate) enum SiteCommand {
    /// Count visits of a site
    Add {
        /// Its host name, such as example.com; www. and subdomains count with it
        domain: String,
        /// The time zone whose midnights part its days [default: this machine's]
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
    },
    /// List the sites
    List,
    /// Show how a site counts, and whether all of its days are counted so
    Show { domain: String },
    /// Change how a site counts; its days are counted anew, beside a running server as well.
    ///
    /// Days whose events have expired stay as they were counted.
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Set {
        domain: String,
        /// The gap that ends a visit, in minutes
        #[arg(long, group = "change", value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(5..=240))]
        visit_timeout: Option<u16>,
        /// What becomes of events that look like a bot's
        #[arg(long, group = "change", value_enum)]
        bots: Option<Bots>,
    },
    /// Fetch a page of a site and say whether it loads this server's script, and what is wrong.
    ///
    /// Only public addresses of the site are asked, on the ports 80 and 443. Exits 0 when all is right,
    /// 1 when something is wrong or can't be seen, 2 when the page is none of the site's, 3 when it
    /// could not be fetched.
    Check {
        domain: String,
        /// The page [default: the site's front page]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// This server's address, as pages load the script from it [default: the setting public_url]
        #[arg(long, value_name = "URL")]
        server: Option<String>,
    },
    /// Remove a site and everything that is held of it
    Remove {
        domain: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bots {
    /// Kept for 30 days and not counted
    SetAside,
    /// Counted as anyone's
    Count,
}

#[derive(Subcommand)]
pub(crate) enum DeadCommand {
    /// List the rows, without what they hold
    List {
        /// Only of this site
        #[arg(long, value_name = "DOMAIN")]
        site: Option<String>,
    },
    /// Try rows again, such as after an upgrade; what still fails stays, with the new error
    Replay(DeadRows),
    /// Give rows up for good; the ledger counts them as dropped
    Drop(DeadRows),
}

#[derive(clap::Args)]
pub(crate) struct DeadRows {
    /// Their numbers, as `weir dead list` shows them
    #[arg(value_name = "NUMBER", required_unless_present = "all", conflicts_with = "all")]
    pub numbers: Vec<u64>,
    /// All that `weir dead list` shows
    #[arg(long)]
    pub all: bool,
    /// Only of this site
    #[arg(long, value_name = "DOMAIN")]
    pub site: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add someone who may log in; the password is read from standard input
    Add { email: String },
    /// Set someone's password, read from standard input, and end their sessions
    Password { email: String },
    /// List who may log in
    List,
}

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token for the API; it is shown once
    Create {
        /// What it is for
        #[arg(long, default_value = "token")]
        name: String,
        /// Only for this site
        #[arg(long, value_name = "DOMAIN")]
        site: Option<String>,
        /// For sending events in the name of visitors; it reads nothing
        #[arg(long)]
        events: bool,
    },
    /// List the tokens, without their secrets
    List,
    /// Revoke a token by its number or name
    Revoke { token: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last value that is taken, and the first that is not.
    #[track_caller]
    fn check_limits(option: &str, taken: &[&str], refused: &[&str]) {
        let parse = |value: &str| Args::try_parse_from(["weir", "bench", option, value]);
        for value in taken {
            assert!(parse(value).is_ok(), "{option} {value}");
        }
        for value in refused {
            assert!(parse(value).is_err(), "{option} {value}");
        }
    }

    #[test]
    fn whoever_measures_can_ask_for_so_much_and_no_more() {
        check_limits("--events", &["1000", "200000000"], &["999", "200000001", "many"]);
        check_limits("--days", &["3", "3650"], &["2", "3651"]);
        check_limits("--seconds", &["1", "3600"], &["0", "3601"]);
        check_limits("--connections", &["1", "1000", "1,8,1000"], &["0", "1001", "1,1001", ""]);
        check_limits("--rate", &["100", "10000000", "100,200"], &["99", "10000001", "100,99", ""]);
        check_limits("--factor", &["1", "100"], &["0", "101"]);
        check_limits("--runs", &["1", "100"], &["0", "101"]);
    }
}
