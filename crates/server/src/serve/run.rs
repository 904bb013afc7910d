use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use anyhow::Context;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use weir_ingest::{Geo, IngestConfig, RateLimit, TrustedProxies};
use weir_processor::{ProcessorOptions, Retention};

use super::nightly::every_minute;
use super::pipeline::{Pipeline, every_second};
use super::{House, HouseOptions, http, signals};
use crate::Outcome;
use crate::config::Config;
use crate::{output, telemetry};

/// Serves until asked to stop.
pub(crate) fn serve(config: &Config) -> anyhow::Result<Outcome> {
    telemetry::start(&config.log)?;
    let options = options(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // The port first: when it is taken, nothing has been touched.
    let listener = runtime.block_on(listen(config.listen))?;
    let house = House::open(&config.data, options)?;
    run_greeting(&runtime, house, listener, greet)?;
    Ok(Outcome::Done)
}

/// Runs a house until it is asked to stop, and closes it in order.
pub(crate) fn run(runtime: &Runtime, house: House, listener: TcpListener) -> anyhow::Result<()> {
    run_greeting(runtime, house, listener, |_, _| Ok(()))
}

type Greeting = fn(&House, SocketAddr) -> anyhow::Result<()>;

fn run_greeting(
    runtime: &Runtime,
    house: House,
    listener: TcpListener,
    greet: Greeting,
) -> anyhow::Result<()> {
    let address_file = house.folder.address();
    let address = listener.local_addr()?;
    std::fs::write(&address_file, address.to_string())?;
    let stop = {
        let _within = runtime.enter();
        signals::asked_to_stop()
    };
    // Last: whoever reads that it listens may ask how it is, or ask it to stop.
    greet(&house, address)?;
    let routes = house.routes();
    let House {
        registry,
        queue,
        processor,
        ingest,
        dashboard,
        probe,
        nightly,
        connections,
        own_paths,
        lock,
        ..
    } = house;
    let own_paths = Arc::new(own_paths);
    let pipeline = Pipeline::start(processor, queue.clone(), probe)?;
    runtime.block_on(async {
        let chores = tokio::spawn(every_second(registry.clone(), queue, ingest.verdicts()));
        let proofs = tokio::spawn(every_minute(nightly));
        let asked = async {
            stop.await;
            output::note("Stopping: what was acknowledged is on disk.");
            // Live streams never end by themselves.
            dashboard.close();
        };
        http::serve(listener, http::Served { routes, ingest, own_paths }, connections, asked).await;
        chores.abort();
        proofs.abort();
    });
    pipeline.stop();
    if let Err(error) = registry.flush_counts() {
        tracing::warn!(%error, "the last refusals could not be written down");
    }
    let _ = std::fs::remove_file(address_file);
    drop(lock);
    Ok(())
}

pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("can't listen on {address}: is another server using the port? Choose one with --listen ADDRESS:PORT")
    })
}

fn options(config: &Config) -> anyhow::Result<HouseOptions> {
    let mut ingest = IngestConfig::default();
    if let Some(proxies) = &config.trusted_proxies {
        ingest.trusted_proxies = TrustedProxies::parse(proxies)?;
    }
    if let Some(headers) = &config.client_ip_headers {
        ingest.trusted_proxies = ingest.trusted_proxies.with_headers(headers)?;
    }
    for text in &config.excluded_ips {
        let net: IpNet =
            text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).with_context(
                || format!("excluded_ips: {text:?} is no address and no network such as 192.0.2.0/24"),
            )?;
        ingest.excluded_ips.push(net);
    }
    if let Some(path) = &config.country_database {
        ingest.geo = Geo::open(path)?;
    }
    ingest.permits = config.room.deliveries_at_once_max;
    if let Some(events) = config.events_per_second_per_ip {
        ingest.rate_limit = rate_limit(events);
    }
    let retention = Retention { raw_days: config.keep_events_days, ..Retention::default() };
    let processor = ProcessorOptions { retention, ..ProcessorOptions::default() };
    let queue = config.room.queue.clone();
    let (public_url, own_paths) = (config.public_url.clone(), config.own_paths.clone());
    Ok(HouseOptions { ingest, queue, processor, public_url, own_paths, demo: false })
}

/// How many seconds' worth of events an address may send at once: an office that arrives on Monday.
const BURST_SECS: u32 = 20;

fn rate_limit(events_per_second: u32) -> Option<RateLimit> {
    let events_per_second = NonZeroU32::new(events_per_second)?;
    let burst_events = events_per_second.saturating_mul(NonZeroU32::new(BURST_SECS)?);
    Some(RateLimit { events_per_second, burst_events })
}

/// Says where to begin.
fn greet(house: &House, address: SocketAddr) -> anyhow::Result<()> {
    output::line(&format!("Weir listens on http://{address}"));
    if let Some(code) = house.registry.setup_code()? {
        output::line(&format!("Open http://{address}/setup to begin. Set-up code: {code}"));
    }
    Ok(())
}
