/* SPDX-License-Identifier: MIT */
#include "suggest.h"

#include <stdio.h>
#include <string.h>

#include "conn-doctor/text.h"

/* A longer word is no misspelling of ours, and comparing it would take long. */
enum { WORD_MAX = 32 };

struct suggestion suggestion_of(const char *word)
{
	size_t len = strlen(word);
	/* One slip in a short word, two in "estabilshd". */
	size_t allowed = len > WORD_MAX ? 0 : len < 3 ? 1 : (len + 4) / 4;
	return (struct suggestion){ .word = word, .distance = allowed + 1 };
}

void suggestion_offer(struct suggestion *s, const char *name)
{
	if (s->distance <= 1)
		return;
	size_t distance = text_distance(s->word, name);
	/* A name replaced letter by letter is another word. */
	if (distance < s->distance && distance < strlen(name)) {
		s->distance = distance;
		s->best = name;
	}
}

const char *suggestion_text(const struct suggestion *s,
			    char out[static SUGGESTION_SIZE])
{
	out[0] = '\0';
	if (s->best)
		snprintf(out, SUGGESTION_SIZE, "; did you mean '%s'?", s->best);
	return out;
}
