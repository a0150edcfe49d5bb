/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/xfer.h"

static const char *const ca_vars[] = { "AWS_CA_BUNDLE", "SSL_CERT_FILE",
				       "CURL_CA_BUNDLE", NULL };
/* Upper case HTTP_PROXY is a request header's value in a CGI program. */
static const char *const http_vars[] = { "http_proxy", "all_proxy", "ALL_PROXY",
					 NULL };
static const char *const https_vars[] = { "https_proxy", "HTTPS_PROXY",
					  "all_proxy", "ALL_PROXY", NULL };
static const char *const direct_vars[] = { "no_proxy", "NO_PROXY", NULL };

static const char *
first(const char *(*get)(const char *name), const char *const *names)
{
	for (; *names; names++) {
		const char *v = get(*names);

		if (v && *v)
			return v;
	}
	return NULL;
}

void
xfer_env(struct xfer_opts *o, const char *(*get)(const char *name))
{
	o->ca_file = first(get, ca_vars);
	o->proxy_http = first(get, http_vars);
	o->proxy_https = first(get, https_vars);
	o->no_proxy = first(get, direct_vars);
}
