//! Routes of an application's own, beside those of the server.
//!
//! It does not know what they answer. Where a path is both the application's and the server's, it is
//! the application's.

use super::ask::Ask;
use super::error::ApiError;
use super::paths::is_path;
use super::reply::Reply;
use hyper::Method;
use matchit::Router;
use smol::future::FutureExt as _;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

/// Routes of an application's own, for [`Server::run_with`](super::Server::run_with).
///
/// A path is literal but for parameters in braces: `/groups/{id}/visits`. What is common to all requests
/// is done before a route is asked: hosts and origins are checked, connections and addresses limited,
/// requests counted. Who asks is found out where a route wants to know: see [`Ask::identity`].
///
/// ```
/// use tidings_smol::server::{App, Ask};
/// use tidings_smol::{Answer, StreamOptions};
///
/// let app = App::new()
///     .get("/", async |_: Ask<'_>| Ok(Answer::html("<h1>News</h1>")))
///     .get("/news", async |ask: Ask<'_>| {
///         let topics = vec!["news".to_owned()];
///         ask.stream(StreamOptions { topics, ..StreamOptions::default() }).await
///     })
///     .get("/streams", async |ask: Ask<'_>| Ok(Answer::json(&ask.hub().connections())));
/// # drop(app);
/// ```
#[derive(Default)]
pub struct App {
    paths: Vec<Path>,
    left_out: Vec<&'static str>,
    router: Router<usize>,
}

struct Path {
    template: &'static str,
    routes: Vec<(Method, Box<dyn Route>)>,
}

/// An async function, asked for its answer.
pub(super) trait Route {
    fn answer<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Reply> + 'a>>;
}

impl<F: AsyncFn(Ask<'_>) -> Reply> Route for F {
    fn answer<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Reply> + 'a>> {
        async move { self(ask).await }.boxed_local()
    }
}

/// A route that was asked for.
pub(super) struct Found<'a> {
    pub(super) route: &'a dyn Route,
    /// What stands in the path for its parameters.
    pub(super) params: Vec<(String, String)>,
}

/// A route that shares something with others: a method of it, asked for the answer.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use tidings_smol::Answer;
/// use tidings_smol::server::{App, Ask, Reply, with};
///
/// struct Counter(Cell<u32>);
///
/// impl Counter {
///     async fn count(&self, _: Ask<'_>) -> Reply {
///         self.0.set(self.0.get() + 1);
///         Ok(Answer::json(&self.0.get()))
///     }
///
///     async fn reset(&self, _: Ask<'_>) -> Reply {
///         self.0.set(0);
///         Ok(Answer::done())
///     }
/// }
///
/// let counter = Rc::new(Counter(Cell::new(0)));
/// let app = App::new()
///     .get("/count", with(&counter, Counter::count))
///     .post("/reset", with(&counter, Counter::reset));
/// # drop(app);
/// ```
pub fn with<S: 'static>(
    shared: &Rc<S>,
    route: impl AsyncFn(&S, Ask<'_>) -> Reply + 'static,
) -> impl AsyncFn(Ask<'_>) -> Reply + 'static {
    let shared = shared.clone();
    async move |ask: Ask<'_>| route(&shared, ask).await
}

impl App {
    /// Without routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `GET`, and `HEAD` with the head of the same.
    ///
    /// # Panics
    /// See [`route`](Self::route).
    #[must_use]
    pub fn get(self, path: &'static str, route: impl AsyncFn(Ask<'_>) -> Reply + 'static) -> Self {
        self.route(Method::GET, path, route)
    }

    /// Answers `POST`.
    ///
    /// # Panics
    /// See [`route`](Self::route).
    #[must_use]
    pub fn post(self, path: &'static str, route: impl AsyncFn(Ask<'_>) -> Reply + 'static) -> Self {
        self.route(Method::POST, path, route)
    }

    /// Answers a method at a path.
    ///
    /// # Panics
    /// Where the path is none, or has the method already: that is a mistake in the program.
    #[must_use]
    pub fn route(
        mut self,
        method: Method,
        path: &'static str,
        route: impl AsyncFn(Ask<'_>) -> Reply + 'static,
    ) -> Self {
        let known = self.paths.iter().position(|known| known.template == path);
        let place = known.unwrap_or_else(|| {
            let place = self.paths.len();
            let added = self.router.insert(path, place);
            assert!(added.is_ok(), "{path}: {added:?}");
            let routes = Vec::new();
            let template = path;
            self.paths.push(Path { template, routes });
            place
        });
        let routes = &mut self.paths[place].routes;
        let is_new = routes.iter().all(|(taken, _)| *taken != method);
        assert!(is_new, "{method} {path} is answered already");
        routes.push((method, Box::new(route)));
        self
    }

    /// Leaves out a path of the server's own, such as `/events`: nobody finds anything there. For
    /// applications that check more than a token before they open a stream: whoever has a good token
    /// could have one from the server as well, at `/events` and `/poll`.
    ///
    /// ```
    /// use tidings_smol::server::App;
    ///
    /// let app = App::new().without("/events").without("/poll");
    /// # drop(app);
    /// ```
    ///
    /// # Panics
    /// Where the server has no such path: that is a mistake in the program.
    #[must_use]
    pub fn without(mut self, path: &'static str) -> Self {
        assert!(is_path(path), "the server has no path {path}");
        self.left_out.push(path);
        self
    }

    /// Whether a path of the server's own is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        self.left_out.contains(&path)
    }

    /// The path that a path is an instance of.
    pub(super) fn template(&self, path: &str) -> Option<&'static str> {
        let found = self.router.at(path).ok()?;
        Some(self.paths[*found.value].template)
    }

    /// The route of a path, if there is one.
    ///
    /// # Errors
    /// That the path has none for this method.
    pub(super) fn find(&self, path: &str, method: &Method) -> Result<Option<Found<'_>>, ApiError> {
        let Ok(found) = self.router.at(path) else {
            return Ok(None);
        };
        let routes = &self.paths[*found.value].routes;
        let of = |method: &Method| routes.iter().find(|(taken, _)| taken == method);
        let route = match *method {
            Method::HEAD => of(method).or_else(|| of(&Method::GET)),
            _ => of(method),
        };
        if let Some((_, route)) = route {
            let params = found.params.iter();
            let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
            return Ok(Some(Found {
                route: &**route,
                params: params.collect(),
            }));
        }
        let methods: Vec<_> = routes.iter().map(|(method, _)| method.as_str()).collect();
        Err(ApiError::method_not_allowed(path, methods.join(", ")))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.paths.iter().map(|path| path.template);
        f.debug_list().entries(paths).finish()
    }
}
