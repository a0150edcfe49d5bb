/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/mailbox.h"

#include <poll.h>
#include <stdlib.h>

enum { SENDERS = 4, EACH = 5000 };

static struct mailbox box;
static unsigned opened;

struct letter {
	struct mail mail;
	int sender, number;
};

static int last_of[SENDERS];
static int disorder;

static void
open_letter(struct mail *m)
{
	struct letter *l = (struct letter *)m;

	if (l->number != last_of[l->sender] + 1)
		disorder++;
	last_of[l->sender] = l->number;
	opened++;
	free(l);
}

static void *
send_many(void *arg)
{
	for (int i = 1; i <= EACH; i++) {
		struct letter *l = calloc(1, sizeof(*l));

		l->mail.open = open_letter;
		l->sender = (int)(intptr_t)arg;
		l->number = i;
		mailbox_send(&box, &l->mail);
	}
	return NULL;
}

static void
all_mail_arrives_in_order(void **state)
{
	pthread_t t[SENDERS];
	struct pollfd p;

	(void)state;
	assert_int_equal(mailbox_init(&box), 0);
	for (int i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, send_many,
						(void *)(intptr_t)i),
				 0);
	while (opened < SENDERS * EACH) {
		p = (struct pollfd){ box.fd, POLLIN, 0 };
		assert_int_equal(poll(&p, 1, 10000), 1);
		mailbox_open(&box);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(disorder, 0);
	/* Nothing is left, and it is quiet. */
	mailbox_open(&box);
	p = (struct pollfd){ box.fd, POLLIN, 0 };
	assert_int_equal(poll(&p, 1, 0), 0);
	mailbox_release(&box);
}

static struct mail first, second;

static void
open_second(struct mail *m)
{
	assert_ptr_equal(m, &second);
	opened++;
}

/* Mail may be sent while mail is opened. */
static void
open_first(struct mail *m)
{
	assert_ptr_equal(m, &first);
	second.open = open_second;
	mailbox_send(&box, &second);
}

static void
mail_from_an_opener_is_not_lost(void **state)
{
	struct pollfd p;

	(void)state;
	assert_int_equal(mailbox_init(&box), 0);
	opened = 0;
	first.open = open_first;
	mailbox_send(&box, &first);
	mailbox_open(&box);
	assert_int_equal(opened, 0);
	p = (struct pollfd){ box.fd, POLLIN, 0 };
	assert_int_equal(poll(&p, 1, 0), 1);
	mailbox_open(&box);
	assert_int_equal(opened, 1);
	mailbox_release(&box);
}

static void
a_nudge_is_a_turn_without_mail(void **state)
{
	struct pollfd p;

	(void)state;
	assert_int_equal(mailbox_init(&box), 0);
	mailbox_nudge(&box);
	mailbox_nudge(&box);
	p = (struct pollfd){ box.fd, POLLIN, 0 };
	assert_int_equal(poll(&p, 1, 0), 1);
	mailbox_open(&box);
	assert_int_equal(poll(&p, 1, 0), 0);
	mailbox_release(&box);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_mail_arrives_in_order),
		cmocka_unit_test(mail_from_an_opener_is_not_lost),
		cmocka_unit_test(a_nudge_is_a_turn_without_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
