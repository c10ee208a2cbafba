//! The paths of the server: what each is about, who may ask for it, and by which methods.
//!
//! It does not know what the answers are.

use super::assets::ASSETS;
use super::error::ApiError;
use super::identity::Part;
use hyper::Method;
use matchit::Router;

/// What a path is about.
#[derive(Clone, Copy)]
pub(super) enum Endpoint {
    /// A file, by its number.
    Asset(usize),
    Identity,
    Stats,
    Metrics,
    Live,
    Ready,
    Events,
    Poll,
    #[cfg(feature = "websocket")]
    Socket,
    Publish,
    Token,
    TopicsOf,
    Connections,
    Connection,
    Topics,
    Revocations,
}

/// Those that are no files.
const PATHS: &[(&str, Endpoint)] = &[
    ("/identity", Endpoint::Identity),
    ("/stats", Endpoint::Stats),
    ("/metrics", Endpoint::Metrics),
    ("/health", Endpoint::Ready),
    ("/health/live", Endpoint::Live),
    ("/health/ready", Endpoint::Ready),
    ("/events", Endpoint::Events),
    ("/poll", Endpoint::Poll),
    #[cfg(feature = "websocket")]
    ("/ws", Endpoint::Socket),
    ("/publish", Endpoint::Publish),
    ("/connections/{id}/token", Endpoint::Token),
    ("/connections/{id}/topics", Endpoint::TopicsOf),
    ("/connections", Endpoint::Connections),
    ("/connections/{id}", Endpoint::Connection),
    ("/topics", Endpoint::Topics),
    ("/revocations", Endpoint::Revocations),
];

impl Endpoint {
    /// The methods it takes, as `Allow` says it.
    const fn methods(self) -> &'static str {
        match self {
            Self::Asset(_)
            | Self::Identity
            | Self::Stats
            | Self::Metrics
            | Self::Live
            | Self::Ready
            | Self::Connections
            | Self::Topics => "GET, HEAD",
            Self::Events | Self::Poll => "GET",
            #[cfg(feature = "websocket")]
            Self::Socket => "GET",
            Self::Connection => "GET, HEAD, DELETE",
            Self::Publish | Self::Token | Self::TopicsOf | Self::Revocations => "POST",
        }
    }

    /// Whether it is answered with a stream.
    pub(super) const fn is_stream(self) -> bool {
        match self {
            Self::Events => true,
            #[cfg(feature = "websocket")]
            Self::Socket => true,
            _ => false,
        }
    }

    /// Whether it does not matter who asks. Whoever looks after a server has no token.
    pub(super) const fn is_for_all(self) -> bool {
        matches!(self, Self::Asset(_) | Self::Live | Self::Ready)
    }

    /// The part of the server that it belongs to, where that is not for everyone.
    pub(super) const fn part(self) -> Option<Part> {
        match self {
            Self::Stats | Self::Metrics => Some(Part::Metrics),
            Self::Connections | Self::Connection | Self::Topics | Self::Revocations => {
                Some(Part::Admin)
            }
            Self::Asset(_) | Self::Identity | Self::Live | Self::Ready => None,
            Self::Events | Self::Poll | Self::Publish | Self::Token | Self::TopicsOf => None,
            #[cfg(feature = "websocket")]
            Self::Socket => None,
        }
    }
}

/// What a path that is not in the table is called in metrics and logs.
pub(super) const OTHER: &str = "other";

/// Whether this is a path of the table.
pub(super) fn is_path(path: &str) -> bool {
    paths().any(|(known, _)| known == path)
}

/// All paths: of files, too.
fn paths() -> impl Iterator<Item = (&'static str, Endpoint)> {
    let files = ASSETS.iter().enumerate();
    let files = files.map(|(number, asset)| (asset.path, Endpoint::Asset(number)));
    PATHS.iter().copied().chain(files)
}

/// Which path is which.
pub(super) struct Routes(Router<(&'static str, Endpoint)>);

impl Routes {
    /// All but what is left out.
    pub(super) fn new(is_left_out: impl Fn(&str) -> bool) -> Self {
        let mut router = Router::new();
        let paths = paths().filter(|(path, _)| !is_left_out(path));
        for (path, endpoint) in paths {
            let added = router.insert(path, (path, endpoint));
            debug_assert!(added.is_ok(), "{path} is there once");
        }
        Self(router)
    }

    /// The path of the table that a path is an instance of.
    pub(super) fn template(&self, path: &str) -> &'static str {
        self.0.at(path).map_or(OTHER, |found| found.value.0)
    }

    /// The endpoint of a path, and the id in it, if there is one.
    pub(super) fn find<'p>(
        &self,
        path: &'p str,
        method: &Method,
    ) -> Result<(Endpoint, &'p str), ApiError> {
        let found = self.0.at(path);
        let found = found.map_err(|_| ApiError::not_found("there is no such path"))?;
        let (_, endpoint) = *found.value;
        let allow = endpoint.methods();
        if allow.split(", ").any(|allowed| allowed == method.as_str()) {
            return Ok((endpoint, found.params.get("id").unwrap_or_default()));
        }
        Err(ApiError::method_not_allowed(path, allow))
    }
}
