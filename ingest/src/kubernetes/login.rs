//! How a cluster is reached: its kubeconfig is read, a client made of it, and made anew before its
//! credential ends, or when the server no longer takes it.
//!
//! One task makes clients; who asks the server takes the newest, and tells when it was of no use.

mod exec;

use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use model::Timestamp;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::KubernetesConfig;
use super::pace::Pace;
use exec::{Credential, ExecError};

/// A credential is asked for anew so long before it ends.
const BEFORE_ITS_END: Duration = Duration::from_secs(30);
/// Doubts that wait to be heard; more say nothing more.
const DOUBTS_MAX: usize = 1;

/// A client, and which one in a row it is.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) client: Client,
    number: u64,
}

/// A client was of no use.
struct Doubt {
    /// Which one it was.
    number: u64,
    /// The server did not take its credential.
    is_refused: bool,
}

/// The newest client, for whoever asks a server.
#[derive(Clone)]
pub(super) struct Clients {
    newest: watch::Receiver<Option<Made>>,
    doubts: mpsc::Sender<Doubt>,
}

impl Clients {
    /// The newest client, as soon as there is one; `None` when nobody makes any.
    pub(super) async fn newest(&mut self) -> Option<Made> {
        let made = self.newest.wait_for(Option::is_some).await.ok()?;
        made.clone()
    }

    /// Tells that the server was not reached with a client, or did not take its credential.
    pub(super) fn doubt(&self, made: &Made, is_refused: bool) {
        let number = made.number;
        // Where one waits already, the newest client is in doubt anyway.
        let _ = self.doubts.try_send(Doubt { number, is_refused });
    }
}

/// Why a cluster cannot be reached at all. What it says holds nothing of what the files hold.
#[derive(Debug, Error)]
pub(super) enum LoginError {
    #[error("the kubeconfig {0:?} cannot be read")]
    Read(std::path::PathBuf, #[source] std::io::Error),
    #[error("the kubeconfig is not as it must be")]
    Parse,
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    #[error("there is neither a kubeconfig nor a service account")]
    Nothing,
    #[error("no credential was handed out")]
    Exec(#[from] ExecError),
    #[error("the login of the kubeconfig cannot be used")]
    Login,
    #[error("the work was not finished")]
    Stopped(#[source] tokio::task::JoinError),
}

impl From<KubeconfigError> for LoginError {
    fn from(error: KubeconfigError) -> Self {
        match error {
            KubeconfigError::ReadConfig(cause, path) => Self::Read(path, cause),
            // Its text may quote the line that cannot be read.
            KubeconfigError::Parse(_) => Self::Parse,
            other => Self::Kubeconfig(other),
        }
    }
}

/// Makes clients.
pub(super) struct Keeper {
    config: KubernetesConfig,
    pace: Pace,
    newest: watch::Sender<Option<Made>>,
    doubts: mpsc::Receiver<Doubt>,
    /// What the plugin handed out last.
    credential: Option<Credential>,
}

impl Keeper {
    pub(super) fn new(config: KubernetesConfig, pace: Pace) -> (Self, Clients) {
        let (newest, receiver) = watch::channel(None);
        let (teller, doubts) = mpsc::channel(DOUBTS_MAX);
        let keeper = Self {
            config,
            pace,
            newest,
            doubts,
            credential: None,
        };
        let clients = Clients {
            newest: receiver,
            doubts: teller,
        };
        (keeper, clients)
    }

    /// Keeps a client that works, until nobody asks for one; `failed` hears why there is none.
    pub(super) async fn keep(
        mut self,
        now: impl Fn() -> Timestamp,
        failed: impl Fn(&LoginError, Duration),
    ) {
        let (mut number, mut attempts) = (0, 0);
        loop {
            match self.make(now()).await {
                Ok(client) => {
                    number += 1;
                    drop(self.newest.send(Some(Made { client, number })));
                    let begun_at = now();
                    if !self.is_of_use(number, now()).await {
                        return;
                    }
                    let lasted_ms = now().millis_since(begun_at);
                    if self.pace.longest.as_secs_f64() * 1_000.0 < lasted_ms {
                        attempts = 0;
                    }
                    // A credential that always comes at its end must not make a hurry.
                    sleep(self.pace.wait(attempts, 0, now())).await;
                }
                Err(error) => {
                    let wait = self.pace.wait(attempts, 0, now());
                    failed(&error, wait);
                    sleep(wait).await;
                }
            }
            attempts = attempts.saturating_add(1);
        }
    }

    /// Waits until a client has to be made anew; `false` when nobody needs one.
    async fn is_of_use(&mut self, newest: u64, now: Timestamp) -> bool {
        let ends_at = self.credential.as_ref().and_then(|it| it.expires_at);
        let lasts = ends_at.map(|at| lasts(at, now));
        loop {
            let heard = match lasts {
                Some(lasts) => timeout(lasts, self.doubts.recv()).await,
                None => Ok(self.doubts.recv().await),
            };
            match heard {
                Err(_) => {
                    self.credential = None;
                    return true;
                }
                Ok(None) => return false,
                Ok(Some(doubt)) if doubt.number == newest => {
                    if doubt.is_refused {
                        self.credential = None;
                    }
                    return true;
                }
                Ok(Some(_)) => {}
            }
        }
    }

    async fn make(&mut self, now: Timestamp) -> Result<Client, LoginError> {
        let mut config = self.read().await?;
        self.log_in(&mut config.auth_info, now).await?;
        // Retrying is done here, where it is counted and where it ends at once when the server stops.
        config.default_retry = false;
        let build = || ClientBuilder::try_from(config).map(ClientBuilder::build);
        // Older ways to log in run commands and read files while the client is made.
        let built = tokio::task::spawn_blocking(build).await;
        // The error may quote what a command printed.
        built
            .map_err(LoginError::Stopped)?
            .map_err(|_| LoginError::Login)
    }

    async fn read(&self) -> Result<Config, LoginError> {
        let options = KubeConfigOptions {
            context: self.config.context.clone(),
            ..KubeConfigOptions::default()
        };
        Ok(match (&self.config.kubeconfig, &self.config.context) {
            (Some(path), _) => {
                let read = Kubeconfig::read_from(path)?;
                Config::from_custom_kubeconfig(read, &options).await?
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await?,
            (None, None) => Config::infer().await.map_err(|_| LoginError::Nothing)?,
        })
    }

    /// Asks the plugin, where there is one and what it handed out last is over.
    async fn log_in(&mut self, login: &mut AuthInfo, now: Timestamp) -> Result<(), LoginError> {
        let Some(exec) = login.exec.take() else {
            self.credential = None;
            return Ok(());
        };
        let is_over = |kept: &Credential| kept.expires_at.is_some_and(|at| at <= now);
        if self.credential.as_ref().is_none_or(is_over) {
            self.credential = Some(exec::run(&exec, self.pace.answer).await?);
        }
        if let Some(credential) = &self.credential {
            credential.log_in(login);
        }
        Ok(())
    }
}

/// How long a credential is used that ends at a moment: not quite to its end, and at least half its time.
fn lasts(ends_at: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::from_secs_f64(ends_at.millis_since(now).max(0.0) / 1_000.0);
    left.saturating_sub(BEFORE_ITS_END).max(left / 2)
}
