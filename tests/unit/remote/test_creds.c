/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_source.h"
#include "remote/creds.h"

#include "base/buf.h"
#include "base/err.h"
#include "remote/cred_file.h"
#include "remote/cred_instance.h"
#include "remote/cred_process.h"
#include "remote/cred_web_identity.h"
#include "remote/xfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "credbed.h"

#include <errno.h>

#define GOOD_JSON(key, end) \
	"{\"Version\":1,\"AccessKeyId\":\"" key \
	"\",\"SecretAccessKey\":\"hush\",\"Token\":\"T\",\"SessionToken\":" \
	"\"T\",\"Expiration\":\"" end "\"}"
#define FAR "2099-01-01T00:00:00Z"

static struct xfer *engine;
static atomic_int changes;
static struct cred_opts opts;
static char why[300];
static struct cred_value got;

static void
on_change(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&changes, 1);
}

static int
begin(void **state)
{
	(void)state;
	memset(vars, 0, sizeof(vars));
	for (int i = 0; i < PAGES; i++) {
		if (pages[i].body)
			page(pages[i].start, 0, NULL);
	}
	var("HOME", bed_dir);
	var("AWS_EC2_METADATA_DISABLED", "true");
	opts = (struct cred_opts){
		.get = bed_get,
		.profile = "",
		.region = "eu-west-9",
		.x = engine,
		.changed = on_change,
		.stop_fd = -1,
	};
	var("AWS_SHARED_CREDENTIALS_FILE", file("credentials", ""));
	var("AWS_CONFIG_FILE", file("config", ""));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	cred_value_release(&got);
	return 0;
}

static int
ask(int (*load)(const struct cred_opts *o, struct cred_value *out, char *w,
		size_t room))
{
	cred_value_release(&got);
	why[0] = '\0';
	return load(&opts, &got, why, sizeof(why));
}

/* Refused, with words that hold TEXT and no secret. */
static void
refused(int rc, const char *text)
{
	if (rc != ERR_REFUSED || !strstr(why, text))
		print_message("%d %s\n", rc, why);
	assert_int_equal(rc, ERR_REFUSED);
	assert_non_null(strstr(why, text));
	assert_null(strstr(why, "hush"));
	assert_null(got.key);
}

/* --- web identity -------------------------------------------------------- */

#define STS_GOOD \
	"<A><Credentials><AccessKeyId>WEB</AccessKeyId><SecretAccessKey>hush" \
	"</SecretAccessKey><SessionToken>T</SessionToken><Expiration>" FAR \
	"</Expiration></Credentials></A>"

static void
web(void)
{
	var("AWS_WEB_IDENTITY_TOKEN_FILE", file("token", "to/ken=\n"));
	var("AWS_ROLE_ARN", "arn:aws:iam::1:role/x y");
	var("AWS_ENDPOINT_URL_STS", address);
}

static void
a_web_identity_gets_a_role(void **state)
{
	(void)state;
	assert_int_equal(ask(cred_web_identity_load), ERR_MISS);
	web();
	page("POST / ", 200, STS_GOOD);
	assert_int_equal(ask(cred_web_identity_load), 0);
	assert_string_equal(got.key, "WEB");
	assert_int_equal(got.expires, 4070908800);
	assert_true(was_said("Action=AssumeRoleWithWebIdentity&Version="
			     "2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole"
			     "%2Fx%20y&RoleSessionName=kache&WebIdentityToken="
			     "to%2Fken%3D"));
	assert_false(was_said("Authorization"));
	/* The token is read again, and the session's name counts. */
	file("token", "newer");
	var("AWS_ROLE_SESSION_NAME", "me");
	assert_int_equal(ask(cred_web_identity_load), 0);
	assert_true(was_said("RoleSessionName=me&WebIdentityToken=newer"));
}

static void
a_profile_names_a_web_identity(void **state)
{
	char text[400];

	(void)state;
	web();
	snprintf(text, sizeof(text),
		 "[profile p]\nrole_arn = R\nrole_session_name = S\n"
		 "web_identity_token_file = %s\n",
		 file("other", "third"));
	file("config", text);
	page("POST / ", 200, STS_GOOD);
	opts.profile = "p";
	assert_int_equal(ask(cred_web_identity_load), 0);
	assert_true(was_said("RoleArn=R&RoleSessionName=S&WebIdentityToken="
			     "third"));
	opts.profile = "q";
	assert_int_equal(ask(cred_web_identity_load), ERR_MISS);
}

static void
what_sts_refuses_is_said(void **state)
{
	(void)state;
	web();
	page("POST / ", 403,
	     "<E><Code>AccessDenied</Code><Message>hush</Message></E>");
	refused(ask(cred_web_identity_load), "HTTP 403 AccessDenied");
	assert_int_equal(asked("POST / "), 1);
	page("POST / ", 500, "hush");
	refused(ask(cred_web_identity_load), "HTTP 500");
	assert_int_equal(asked("POST / "), 3);
	page("POST / ", 200, "<hush>");
	refused(ask(cred_web_identity_load), "no credentials");
	file("token", "\n");
	refused(ask(cred_web_identity_load), "token file cannot be used");
	unlink(file("token", ""));
	refused(ask(cred_web_identity_load), "token file cannot be used");
	web();
	var("AWS_ENDPOINT_URL_STS", "ftp://x");
	refused(ask(cred_web_identity_load), "address of STS");
}

static const char *
sts_url(const char *region)
{
	static char text[200];
	struct buf b = { 0 };

	snprintf(text, sizeof(text), "-");
	if (cred_web_identity_url(&opts, region, &b))
		snprintf(text, sizeof(text), "%s", b.p);
	buf_free(&b);
	return text;
}

static void
sts_is_found_by_region(void **state)
{
	(void)state;
	assert_string_equal(sts_url("eu-west-1"),
			    "https://sts.eu-west-1.amazonaws.com/");
	assert_string_equal(sts_url("cn-north-1"),
			    "https://sts.cn-north-1.amazonaws.com.cn/");
	assert_string_equal(sts_url(""), "https://sts.amazonaws.com/");
	assert_string_equal(sts_url("x/y"), "-");
	assert_string_equal(sts_url("x.evil.com"), "-");
	var("AWS_ENDPOINT_URL", "http://h:1/a");
	assert_string_equal(sts_url("x"), "http://h:1/a/");
	var("AWS_ENDPOINT_URL_STS", "https://s/");
	assert_string_equal(sts_url("x"), "https://s/");
}

/* --- credential_process -------------------------------------------------- */

static void
process(const char *command)
{
	char text[600];

	snprintf(text, sizeof(text), "[default]\ncredential_process = %s\n",
		 command);
	file("config", text);
}

static void
a_process_gives_a_key(void **state)
{
	char command[300];

	(void)state;
	assert_int_equal(ask(cred_process_load), ERR_MISS);
	snprintf(command, sizeof(command), "cat '%s'",
		 file("answer", GOOD_JSON("PROC", FAR)));
	process(command);
	assert_int_equal(ask(cred_process_load), 0);
	assert_string_equal(got.key, "PROC");
	assert_string_equal(got.token, "T");
}

static void
a_bad_process_is_refused(void **state)
{
	(void)state;
	process("echo hush");
	refused(ask(cred_process_load), "not JSON");
	process("sh -c 'echo hush >&2; echo hush; exit 3'");
	refused(ask(cred_process_load), "status 3");
	process("sh -c 'kill -9 $$'");
	refused(ask(cred_process_load), "signal 9");
	process("head -c 1000000 /dev/zero");
	refused(ask(cred_process_load), "more than 65536 bytes");
	process("true");
	refused(ask(cred_process_load), "not JSON");
	process("/nowhere/hush");
	refused(ask(cred_process_load), "cannot be run");
	process("'open");
	refused(ask(cred_process_load), "open quote");
	opts.process_ms = 200;
	process("sleep 600");
	refused(ask(cred_process_load), "did not end in time");
}

static void
what_a_profile_may_not_ask_is_said(void **state)
{
	(void)state;
	file("config", "[default]\nrole_arn=R\nsource_profile=b\n");
	refused(ask(cred_file_load), "not supported; use credential_process");
	file("config", "[default]\nrole_arn=R\ncredential_source=Environment");
	refused(ask(cred_file_load), "not supported; use credential_process");
	file("config", "[default]\nsso_session=b\n");
	refused(ask(cred_file_load), "not supported; use credential_process");
	file("config", "[default]\nsso_start_url=b\ncredential_process=c\n");
	assert_int_equal(ask(cred_file_load), ERR_MISS);
}

/* --- container ----------------------------------------------------------- */

static void
container(const char *path)
{
	char url[200];

	snprintf(url, sizeof(url), "%s%s", address, path);
	var("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
}

static void
a_container_gives_a_key(void **state)
{
	(void)state;
	assert_int_equal(ask(cred_instance_container), ERR_MISS);
	container("/c?id=1");
	page("GET /c?id=1 ", 200, GOOD_JSON("CONT", FAR));
	assert_int_equal(ask(cred_instance_container), 0);
	assert_string_equal(got.key, "CONT");
	assert_false(was_said("Authorization"));
	var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
	assert_int_equal(ask(cred_instance_container), 0);
	assert_true(was_said("\r\nAuthorization: Basic abc\r\n"));
	/* A file goes before it, and is read again. */
	var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file("auth", "one"));
	assert_int_equal(ask(cred_instance_container), 0);
	assert_true(was_said("\r\nAuthorization: one\r\n"));
	file("auth", "two");
	assert_int_equal(ask(cred_instance_container), 0);
	assert_true(was_said("\r\nAuthorization: two\r\n"));
}

static void
a_token_is_one_line(void **state)
{
	(void)state;
	container("/c");
	page("GET /c ", 200, GOOD_JSON("CONT", FAR));
	var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush\r\nX: y");
	refused(ask(cred_instance_container), "more than one line");
	var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file("auth", "hush\n"));
	refused(ask(cred_instance_container), "more than one line");
	unlink(file("auth", ""));
	refused(ask(cred_instance_container), "cannot be read");
	assert_int_equal(asked("GET /c "), 0);
}

static void
a_bad_container_is_refused(void **state)
{
	char *huge = malloc(200001);

	(void)state;
	memset(huge, 'x', 200000);
	huge[200000] = '\0';
	container("/c");
	refused(ask(cred_instance_container), "HTTP 404");
	page("GET /c ", 503, "hush");
	refused(ask(cred_instance_container), "HTTP 503");
	assert_int_equal(asked("GET /c "), 3);
	page("GET /c ", 200, "hush");
	refused(ask(cred_instance_container), "not JSON");
	page("GET /c ", 200, huge);
	refused(ask(cred_instance_container), "does not answer");
	free(huge);
}

static const char *
full_uri(const char *url)
{
	static char text[300];
	struct buf b = { 0 };
	int rc;

	var("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	rc = cred_instance_container_url(&opts, &b, text, sizeof(text));
	if (rc == 0)
		snprintf(text, sizeof(text), "%s", b.p);
	else
		snprintf(text, sizeof(text), "-");
	buf_free(&b);
	return text;
}

static void
only_some_hosts_are_asked(void **state)
{
	static const char *const good[] = {
		"https://any.example.org/x",
		"http://localhost/x",
		"http://localhost:80/x",
		"http://127.0.0.1:5/",
		"http://127.255.0.9",
		"http://[::1]:5/x",
		"http://169.254.170.2/x",
		"http://169.254.170.23/v1/credentials",
		"http://[fd00:ec2::23]/v1",
	};
	static const char *const bad[] = {
		"http://169.254.169.254/x",
		"http://example.org/x",
		"http://localhost@example.org/x",
		"http://localhost:x@example.org/x",
		"http://localhost.example.org/x",
		"http://127.0.0.1.example.org/",
		"http://127.0.0/",
		"http://127.1.1.1x/",
		"http://[::1].example.org/",
		"http://[::2]/",
		"http://[::1/",
		"http://localhost\\@example.org/",
		"http://",
		"ftp://localhost/",
		"https://a@b/",
		"http://localhost/a b",
		"http://localhost/\r\nX: y",
		"localhost",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_string_equal(full_uri(good[i]), good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(full_uri(bad[i]), "-");
	var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
	assert_string_equal(full_uri("http://example.org/"),
			    "http://169.254.170.2/v2/credentials/1");
	var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.org/");
	assert_string_equal(full_uri(""), "-");
}

/* --- instance ------------------------------------------------------------ */

#define ROLES "GET /latest/meta-data/iam/security-credentials/ "
#define ROLE "GET /latest/meta-data/iam/security-credentials/r1 "
#define REGION "GET /latest/meta-data/placement/region "

static void
instance(void)
{
	var("AWS_EC2_METADATA_DISABLED", "");
	var("AWS_EC2_METADATA_SERVICE_ENDPOINT", address);
	page("PUT /latest/api/token ", 200, "session");
	page(ROLES, 200, "r1\n");
	page(ROLE, 200, GOOD_JSON("INST", FAR));
	page(REGION, 200, "eu-north-7");
}

static void
an_instance_gives_a_key_and_a_region(void **state)
{
	(void)state;
	instance();
	assert_int_equal(ask(cred_instance_instance), 0);
	assert_string_equal(got.key, "INST");
	assert_string_equal(got.region, "");
	assert_true(was_said("X-aws-ec2-metadata-token: session\r\n"));
	assert_int_equal(asked(REGION), 0);
	opts.region = "";
	assert_int_equal(ask(cred_instance_instance), 0);
	assert_string_equal(got.region, "eu-north-7");
}

static void
an_instance_may_have_none(void **state)
{
	(void)state;
	instance();
	page(ROLES, 404, "hush");
	assert_int_equal(ask(cred_instance_instance), ERR_MISS);
	page("PUT /latest/api/token ", 404, "");
	assert_int_equal(ask(cred_instance_instance), ERR_MISS);
	page("PUT /latest/api/token ", 200, "two\r\nlines");
	page(ROLES, 200, "r1");
	page(ROLE, 200, "hush");
	refused(ask(cred_instance_instance), "not JSON");
	page(ROLES, 200, "r1 ?\n");
	assert_int_equal(ask(cred_instance_instance), ERR_MISS);
	instance();
	var("AWS_EC2_METADATA_DISABLED", "True");
	assert_int_equal(ask(cred_instance_instance), ERR_MISS);
	assert_int_equal(asked(ROLES), 0);
}

static void
a_silent_instance_is_given_up(void **state)
{
	(void)state;
	instance();
	slow(2500);
	/* It is given up before the server speaks. */
	assert_int_equal(ask(cred_instance_instance), ERR_MISS);
	assert_int_equal(asked("PUT /latest/api/token "), 1);
	assert_int_equal(asked(ROLES), 0);
}

/* --- the chain ----------------------------------------------------------- */

static struct creds *chain;

static void
open_chain(void)
{
	atomic_store(&changes, 0);
	assert_int_equal(creds_open(&opts, &chain), 0);
}

/* What creds_get says once it does not wait any more. */
static int
settled(void)
{
	int rc = -EAGAIN;
	int i;

	cred_value_release(&got);
	why[0] = '\0';
	for (i = 0; i < 1000 && rc == -EAGAIN; i++) {
		rc = creds_get(chain, &got, why, sizeof(why));
		if (rc == -EAGAIN)
			bed_sleep(10);
	}
	return rc;
}

static const char *
status(void)
{
	static char text[300];
	int64_t expires;

	creds_status(chain, text, sizeof(text), &expires);
	return text;
}

static const char *
in(int seconds)
{
	static char text[40];
	time_t at = time(NULL) + seconds;
	struct tm t;

	gmtime_r(&at, &t);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &t);
	return text;
}

/* Until what is there has expired. */
static int
after_its_end(void)
{
	int rc = 0;
	int i;

	for (i = 0; i < 1500 && rc == 0; i++) {
		cred_value_release(&got);
		rc = creds_get(chain, &got, why, sizeof(why));
		bed_sleep(10);
	}
	return rc;
}

/* A container that gives KEY for so many seconds. */
static void
serve_for(const char *key, int seconds)
{
	char text[300];

	snprintf(text, sizeof(text),
		 "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"hush\","
		 "\"Token\":\"T\",\"Expiration\":\"%s\"}",
		 key, in(seconds));
	container("/c");
	page("GET /c ", 200, text);
}

static void
the_environment_is_first(void **state)
{
	(void)state;
	var("AWS_ACCESS_KEY_ID", "ENV");
	var("AWS_SECRET_ACCESS_KEY", "hush");
	serve_for("CONT", 9999);
	open_chain();
	assert_int_equal(creds_get(chain, &got, why, sizeof(why)), 0);
	assert_string_equal(got.key, "ENV");
	assert_string_equal(status(), "environment, ENV");
	assert_false(creds_expired(chain, "ENV"));
	creds_close(chain);
	assert_int_equal(asked("GET /c "), 0);
}

static void
the_environments_end_is_known(void **state)
{
	(void)state;
	var("AWS_ACCESS_KEY_ID", "ENV");
	var("AWS_SECRET_ACCESS_KEY", "hush");
	var("AWS_CREDENTIAL_EXPIRATION", in(-5));
	open_chain();
	refused(settled(), "environment: what it gave has expired");
	creds_close(chain);
	var("AWS_CREDENTIAL_EXPIRATION", "hush");
	open_chain();
	refused(settled(), "AWS_CREDENTIAL_EXPIRATION is not a time");
	creds_close(chain);
	var("AWS_CREDENTIAL_EXPIRATION", in(5));
	open_chain();
	assert_int_equal(settled(), 0);
	refused(after_its_end(), "the credentials have expired");
	assert_non_null(strstr(status(), "environment, ENV, expired"));
	creds_close(chain);
}

static void
the_chain_has_an_order(void **state)
{
	(void)state;
	instance();
	open_chain();
	assert_int_equal(settled(), 0);
	assert_string_equal(status(), "instance, INST");
	creds_close(chain);
	serve_for("CONT", 9999);
	open_chain();
	assert_int_equal(settled(), 0);
	assert_string_equal(status(), "container, CONT");
	creds_close(chain);
	process("echo '" GOOD_JSON("PROC", FAR) "'");
	open_chain();
	assert_int_equal(settled(), 0);
	assert_string_equal(status(), "credential_process, PROC");
	creds_close(chain);
	file("credentials", "[default]\naws_access_key_id = FILE\n"
			    "aws_secret_access_key = hush\n");
	open_chain();
	assert_int_equal(settled(), 0);
	assert_string_equal(status(), "AWS files, FILE");
	creds_close(chain);
	web();
	page("POST / ", 200, STS_GOOD);
	open_chain();
	assert_int_equal(settled(), 0);
	assert_string_equal(status(), "web identity, WEB");
	creds_close(chain);
}

static void
a_profile_gives_the_region(void **state)
{
	(void)state;
	opts.region = "";
	file("config", "[default]\nregion = ap-east-3\n");
	var("AWS_ACCESS_KEY_ID", "ENV");
	var("AWS_SECRET_ACCESS_KEY", "hush");
	open_chain();
	assert_int_equal(settled(), 0);
	assert_string_equal(got.region, "ap-east-3");
	assert_string_equal(got.key, "ENV");
	creds_close(chain);
}

static void
what_no_key_can_be_is_refused(void **state)
{
	(void)state;
	page("GET /c ", 200, GOOD_JSON("A\\r\\nX: y", FAR));
	container("/c");
	open_chain();
	refused(settled(), "container: what it gave is no key");
	creds_close(chain);
	serve_for("OLD", -10);
	open_chain();
	refused(settled(), "container: what it gave has expired");
	/* It is not asked again at once. */
	refused(settled(), "container: what it gave has expired");
	assert_int_equal(asked("GET /c "), 1);
	creds_close(chain);
}

static void
none_anywhere_is_said(void **state)
{
	(void)state;
	open_chain();
	refused(settled(), "no credentials found");
	assert_non_null(strstr(status(), "no credentials found"));
	creds_close(chain);
}

static void
newer_ones_come_before_the_end(void **state)
{
	int i;

	(void)state;
	serve_for("ONE", 8);
	open_chain();
	assert_int_equal(settled(), 0);
	serve_for("TWO", 9999);
	for (i = 0; i < 150 && strcmp(got.key, "TWO") != 0; i++) {
		bed_sleep(100);
		cred_value_release(&got);
		/* Never without, and never waiting. */
		assert_int_equal(creds_get(chain, &got, why, sizeof(why)), 0);
	}
	assert_string_equal(got.key, "TWO");
	assert_true(atomic_load(&changes) >= 2);
	creds_close(chain);
}

static void
old_ones_are_used_to_their_end(void **state)
{
	int i;

	(void)state;
	serve_for("ONE", 8);
	open_chain();
	assert_int_equal(settled(), 0);
	page("GET /c ", 404, "hush");
	for (i = 0; i < 700 && !strstr(status(), "HTTP 404"); i++)
		bed_sleep(10);
	assert_int_equal(settled(), 0);
	assert_string_equal(got.key, "ONE");
	assert_string_equal(status(), "container, ONE; container: it answers "
				      "with HTTP 404");
	refused(after_its_end(), "the credentials have expired; container: it "
				 "answers with HTTP 404");
	assert_non_null(strstr(status(), ", expired; "));
	creds_close(chain);
}

static void
rejected_ones_are_fetched_anew(void **state)
{
	int i;

	(void)state;
	serve_for("ONE", 9999);
	open_chain();
	assert_int_equal(settled(), 0);
	/* They are as new as can be. */
	assert_false(creds_expired(chain, "ONE"));
	/* An old request's words about a key that is not used any more. */
	assert_true(creds_expired(chain, "OLDER"));
	assert_int_equal(asked("GET /c "), 1);
	serve_for("TWO", 9999);
	for (i = 0; i < 120 && !creds_expired(chain, "ONE"); i++)
		bed_sleep(100);
	assert_int_equal(settled(), 0);
	assert_string_equal(got.key, "TWO");
	creds_close(chain);
}

static void
closing_does_not_wait(void **state)
{
	(void)state;
	process("sleep 600");
	open_chain();
	bed_sleep(100);
	assert_int_equal(creds_get(chain, &got, why, sizeof(why)), -EAGAIN);
	assert_string_equal(status(), "being fetched");
	alarm(20); /* the process may take a minute */
	creds_close(chain);
	alarm(0);
}

static int
up(void **state)
{
	struct xfer_opts o = { .transfers = 4 };

	(void)state;
	return bed_up() == 0 ? xfer_open(&o, &engine) : -1;
}

static int
down(void **state)
{
	(void)state;
	xfer_stop(engine);
	xfer_free(engine);
	bed_down();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_web_identity_gets_a_role),
		TEST(a_profile_names_a_web_identity),
		TEST(what_sts_refuses_is_said),
		TEST(sts_is_found_by_region),
		TEST(a_process_gives_a_key),
		TEST(a_bad_process_is_refused),
		TEST(what_a_profile_may_not_ask_is_said),
		TEST(a_container_gives_a_key),
		TEST(a_token_is_one_line),
		TEST(a_bad_container_is_refused),
		TEST(only_some_hosts_are_asked),
		TEST(an_instance_gives_a_key_and_a_region),
		TEST(an_instance_may_have_none),
		TEST(a_silent_instance_is_given_up),
		TEST(the_environment_is_first),
		TEST(the_environments_end_is_known),
		TEST(the_chain_has_an_order),
		TEST(a_profile_gives_the_region),
		TEST(what_no_key_can_be_is_refused),
		TEST(none_anywhere_is_said),
		TEST(newer_ones_come_before_the_end),
		TEST(old_ones_are_used_to_their_end),
		TEST(rejected_ones_are_fetched_anew),
		TEST(closing_does_not_wait),
	};

	return cmocka_run_group_tests(tests, up, down);
}
