//! Logging in and out, the first run, and the password.

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_registry::{LoginSession, RegistryError};

use crate::Dashboard;
use crate::answer::{ApiError, Body, ErrorBody};
use crate::caller::{CookieJar, Credential, Owner, client_address, refuse_in_demo};
use crate::tries::Guesser;

#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// Null: log in, unless this is the demo.
    user: Option<UserAnswer>,
    /// Nobody has an account yet.
    setup_required: bool,
    /// Everyone may look and nothing can be changed.
    demo: bool,
    version: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UserAnswer {
    email: String,
}

// No `Debug`: these hold passwords.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    email: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupBody {
    /// The one-time code that the server printed.
    code: String,
    email: String,
    /// 8 bytes at least.
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    current: String,
    /// 8 bytes at least.
    new: String,
}

/// Who is logged in, and whether the first run is still to come.
#[utoipa::path(get, path = "/api/session", tag = "session", security(()),
    responses((status = 200, body = SessionAnswer)))]
pub(crate) async fn session(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Json<SessionAnswer>, ApiError> {
    let credential = Credential::of(&headers, &extensions, dashboard.demo);
    let answer = dashboard.off_thread(move |dashboard| {
        let email = match credential {
            Some(Credential::Session(token)) => dashboard.registry.session(&token).map(|user| user.email),
            // Nobody in particular, who in the demo may look all the same.
            Some(Credential::Demo | Credential::Token(_)) | None => None,
        };
        let setup_required = !dashboard.demo && !dashboard.registry.has_users();
        Ok(SessionAnswer::of(dashboard.demo, setup_required, email))
    });
    answer.await.map(Json)
}

/// Creates the owner's account by the code that the server printed, and logs in.
#[utoipa::path(post, path = "/api/setup", tag = "session", security(()), request_body = SetupBody, responses(
    (status = 200, body = SessionAnswer),
    (status = 400, body = ErrorBody, description = "The email is none, or the password too short"),
    (status = 403, body = ErrorBody, description = "The code is wrong"),
    (status = 409, body = ErrorBody, description = "There is an owner already"),
    (status = 429, body = ErrorBody, description = "Too many tries")))]
pub(crate) async fn setup(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    Body(body): Body<SetupBody>,
) -> Result<Response, ApiError> {
    refuse_in_demo(&dashboard)?;
    let guesser = take_try(&dashboard, &extensions)?;
    let session = dashboard.off_thread_hashing(move |dashboard| {
        let done = dashboard.registry.set_up_owner(&body.code, &body.email, &body.password);
        // Only a wrong code is a guess.
        if !matches!(done, Err(RegistryError::WrongSetupCode)) {
            dashboard.shared.tries.give_back(guesser);
        }
        Ok(done?)
    });
    let jar = CookieJar::of(&dashboard, &headers, &extensions);
    Ok(logged_in(&dashboard, &jar, &session.await?))
}

/// Logs in and sets the session's cookie.
#[utoipa::path(post, path = "/api/login", tag = "session", security(()), request_body = LoginBody, responses(
    (status = 200, body = SessionAnswer),
    (status = 401, body = ErrorBody, description = "Email or password is wrong"),
    (status = 429, body = ErrorBody, description = "Too many tries")))]
pub(crate) async fn login(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    Body(body): Body<LoginBody>,
) -> Result<Response, ApiError> {
    refuse_in_demo(&dashboard)?;
    let guesser = take_try(&dashboard, &extensions)?;
    let before = Credential::of(&headers, &extensions, false);
    let session = dashboard.off_thread_hashing(move |dashboard| {
        let session = dashboard.registry.login(&body.email, &body.password)?.ok_or_else(wrong_password)?;
        dashboard.shared.tries.give_back(guesser);
        // The browser forgets the old session now; nobody else may go on with it.
        if let Some(Credential::Session(token)) = before {
            dashboard.registry.logout(&token);
        }
        Ok(session)
    });
    let jar = CookieJar::of(&dashboard, &headers, &extensions);
    Ok(logged_in(&dashboard, &jar, &session.await?))
}

/// Ends the session.
#[utoipa::path(post, path = "/api/logout", tag = "session", responses((status = 204)))]
pub(crate) async fn logout(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    owner: Owner,
) -> Result<Response, ApiError> {
    let ended = dashboard.off_thread(move |dashboard| {
        dashboard.registry.logout(&owner.token);
        Ok(())
    });
    ended.await?;
    let cookie = CookieJar::of(&dashboard, &headers, &extensions).clear();
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])).into_response())
}

/// Changes the password and ends every session but a new one for this browser.
#[utoipa::path(post, path = "/api/password", tag = "session", request_body = PasswordBody, responses(
    (status = 200, body = SessionAnswer),
    (status = 400, body = ErrorBody, description = "The new password is too short"),
    (status = 403, body = ErrorBody, description = "The current password is wrong"),
    (status = 429, body = ErrorBody, description = "Too many tries")))]
pub(crate) async fn password(
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
    extensions: Extensions,
    owner: Owner,
    Body(body): Body<PasswordBody>,
) -> Result<Response, ApiError> {
    let email = owner.user.email;
    let guesser = take_try(&dashboard, &extensions)?;
    let session = dashboard.off_thread_hashing(move |dashboard| {
        if !dashboard.registry.check_password(&email, &body.current)? {
            return Err(ApiError::forbidden("The current password is wrong"));
        }
        dashboard.shared.tries.give_back(guesser);
        dashboard.registry.set_password(&email, &body.new)?;
        dashboard.registry.login(&email, &body.new)?.ok_or_else(wrong_password)
    });
    let jar = CookieJar::of(&dashboard, &headers, &extensions);
    Ok(logged_in(&dashboard, &jar, &session.await?))
}

impl SessionAnswer {
    fn of(demo: bool, setup_required: bool, email: Option<String>) -> Self {
        let user = email.map(|email| UserAnswer { email });
        Self { user, setup_required, demo, version: env!("CARGO_PKG_VERSION") }
    }
}

fn logged_in(dashboard: &Dashboard, jar: &CookieJar, session: &LoginSession) -> Response {
    let answer = SessionAnswer::of(false, false, Some(session.user.email.clone()));
    (AppendHeaders([(header::SET_COOKIE, jar.set(session, dashboard))]), Json(answer)).into_response()
}

/// Takes a try from the address that the request came from.
fn take_try(dashboard: &Dashboard, extensions: &Extensions) -> Result<Guesser, ApiError> {
    let guesser = Guesser::from(client_address(extensions));
    let taken = dashboard.shared.tries.take(guesser, dashboard.clock.now());
    taken.map(|()| guesser).map_err(ApiError::too_many_tries)
}

/// The same words for an unknown email: which accounts exist is nobody's business.
fn wrong_password() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "Email or password is wrong")
}
