//! `backstitch serve`: the server, until it is told to stop.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::output::counted;
use super::settings::PolicySettings;
use super::{Failure, Settings, flags};
use crate::domain::Domain;
use crate::engine::{ColdLoad, Engine, Loaded};
use crate::error::{Error, ErrorKind, Result};
use crate::scheduler::Scheduler;
use crate::server_lock::ServerLock;
use crate::store::state::Stuck;
use crate::web::{self, Flag};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address to listen on; a loopback address, or a name of one
    #[arg(long, env = "BACKSTITCH_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDRESS")]
    listen: String,
    /// Folder of the domain that the tables follow; kept in the database
    #[arg(long, env = "BACKSTITCH_DOMAIN", value_name = "DIR")]
    domain: Option<PathBuf>,
    /// Let a domain of another name take the place of the store's
    #[arg(long)]
    change_domain: bool,
    /// Another host name by which a proxy reaches this server; may be given more than once
    #[arg(long, env = "BACKSTITCH_ALLOWED_HOST", value_name = "NAME", value_delimiter = ',')]
    allowed_host: Vec<String>,
    /// Largest body of events, in bytes
    #[arg(long, env = "BACKSTITCH_BODY_LIMIT", default_value_t = 16 << 20, value_name = "BYTES")]
    body_limit: usize,
    /// Open the browser once the server listens
    #[arg(long, env = "BACKSTITCH_OPEN")]
    open: bool,
}

impl Serve {
    /// The server as plain `backstitch` starts it.
    pub(super) fn default_run(settings: &Settings, given: &ArgMatches) -> Result<(), Failure> {
        // Its defaults, the environment included.
        let read = Self::augment_args(Command::new("backstitch")).try_get_matches_from(["backstitch"]);
        let read = read.and_then(|read| Ok((Self::from_arg_matches(&read)?, read)));
        let (serve, read) = read.map_err(|error| Failure::Usage(reason(&error)))?;
        serve.run(settings, flags::of_server(given, &read))
    }

    /// `flags` are the settings as they are told on the help page.
    pub(super) fn run(self, settings: &Settings, flags: Vec<Flag>) -> Result<(), Failure> {
        let address = loopback(&self.listen).map_err(Failure::Usage)?;
        start_log();
        let domain = self.domain.as_deref().map(Domain::from_folder).transpose()?;
        // Before anything of the store is touched: a start that fails changes nothing.
        let listener = listen(address).map_err(|error| holder_of(&settings.data_dir).unwrap_or(error))?;
        let mut fresh = || match &domain {
            Some(domain) => Ok(domain.clone()),
            None => Domain::companion(),
        };
        let engine = settings.opened(Engine::open_with(settings.options(), &mut fresh))?;
        let lock = ServerLock::take(engine.data_dir())?;
        match engine.cold_load(domain.clone(), self.change_domain) {
            Ok(loaded) => say_start(&engine, &way_of(loaded, engine.status()?.stuck.as_ref()))?,
            // What can be read is served; the tables follow once there is room.
            Err(error) if error.kind() == ErrorKind::DiskFull && keeps_domain(&engine, domain.as_ref()) => {
                say_start(&engine, &left_waiting(&engine, &error)?)?;
            }
            Err(error) => return Err(error.into()),
        }
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(self.serve(Arc::new(engine), listener, lock, &settings.policy, flags))
    }

    async fn serve(
        self,
        engine: Arc<Engine>,
        listener: TcpListener,
        mut lock: ServerLock,
        policy: &PolicySettings,
        flags: Vec<Flag>,
    ) -> Result<(), Failure> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        lock.name_address(&format!("http://{address}"))?;
        let _scheduler = Scheduler::start(&engine)?;
        let settings = web::Settings {
            body_limit: self.body_limit,
            allowed_hosts: self.allowed_host,
            address,
            safety_kept: policy.keep_rewind,
            keep_periodic: policy.keep_periodic,
            flags,
            ..web::Settings::default()
        };
        let stop = stop_asked()?;
        let mut out = std::io::stdout();
        writeln!(out, "Listening on http://{address}")?;
        out.flush()?;
        if self.open {
            open_browser(address);
        }
        web::serve(listener, engine, settings, stop).await?;
        Ok(())
    }
}

/// Opens the pages in the user's browser. A server without one is as good.
fn open_browser(address: SocketAddr) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = open::that_detached(format!("http://{address}")) {
            tracing::warn!(%error, "no browser could be opened; open http://{address} by hand");
        }
    });
}

/// The address that is meant. Of a name's addresses each must be a loopback one, since it is not
/// ours to say which of them others take.
fn loopback(listen: &str) -> Result<SocketAddr, String> {
    let found: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .map_err(|error| format!("{listen} is no address: {error}. Give one as 127.0.0.1:8787 or localhost:8787."))?
        .collect();
    if let Some(other) = found.iter().find(|address| !address.ip().is_loopback()) {
        let other = other.to_string();
        let what = if other == listen { other } else { format!("{listen} ({other})") };
        return Err(format!(
            "{what} is not a loopback address. Reach the server from elsewhere through a tunnel, or through a proxy with --allowed-host NAME."
        ));
    }
    // One of them: whoever finds the port of the first taken is to be told, not moved to the second.
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| format!("{listen} has no address."))
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        Error::refused(format!("{address} cannot be listened on: {error}."))
            .hint("Give another address with --listen.")
            .because(error)
    })
}

/// That another server runs on the folder, where one does: it explains a port in use better than the
/// port.
fn holder_of(data_dir: &Path) -> Option<Error> {
    let data_dir = data_dir.canonicalize().ok()?;
    if !ServerLock::is_known(&data_dir) {
        return None;
    }
    ServerLock::take(&data_dir).err()
}

/// What is wrong with the usage, without the frame around it.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.split("\n\n").next().unwrap_or_default();
    text.strip_prefix("error: ").unwrap_or(text).to_owned()
}

/// Whether the store follows the domain that is given, where one is.
fn keeps_domain(engine: &Engine, given: Option<&Domain>) -> bool {
    let kept = engine.domain();
    given.is_none_or(|given| (given.logic, &given.name) == (kept.logic, &kept.name))
}

/// A start on a full disk: the events that it could not apply wait.
fn left_waiting(engine: &Engine, error: &Error) -> Result<String> {
    tracing::warn!(%error, "the waiting events could not be applied");
    engine.remember_full_disk(error);
    let position = engine.status()?.position;
    Ok(format!("The disk is full, so the tables stay at event {position}"))
}

fn say_start(engine: &Engine, way: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let newness = if engine.is_new() { ", a new store" } else { "" };
    writeln!(out, "Data folder {}{newness}", engine.data_dir().display())?;
    writeln!(out, "{way}.")?;
    Ok(())
}

fn way_of(loaded: ColdLoad, stuck: Option<&Stuck>) -> String {
    let replayed = counted(loaded.applied, "event");
    let took = loaded.took_ms;
    match (stuck, loaded.loaded) {
        (Some(stuck), _) => format!("The tables stopped before event {}, which breaks a rule", stuck.event),
        (None, Loaded::NothingToDo) => "The tables stand at the end of the log".to_owned(),
        (None, Loaded::Suffix) => {
            format!("The tables stand at the end of the log: {replayed} applied first, in {took} ms")
        }
        (None, Loaded::FromBase(base)) => {
            format!("The tables are made anew from the snapshot of event {base} and {replayed}, in {took} ms")
        }
        (None, Loaded::Everything) => format!("The tables are made anew from {replayed}, in {took} ms"),
    }
}

/// Warnings and errors, on standard error.
fn start_log() {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = tracing_subscriber::filter::Targets::new().with_default(tracing::Level::WARN);
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
    // A second start in one process keeps the first log.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Ends at the first of the signals that ask a program to stop; they are listened for from the call
/// on, not from the first poll, so that whoever has read the address can stop the server in order.
#[cfg(unix)]
fn stop_asked() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends where the program is asked to stop.
#[cfg(not(unix))]
fn stop_asked() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
