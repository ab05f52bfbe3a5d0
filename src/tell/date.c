/*
 * date: see date.h. The arithmetic is that of the proleptic Gregorian calendar, in years that begin
 * in March: so the additional day of a leap year is its last.
 */
#define _GNU_SOURCE
#include "tell/date.h"

#include <time.h>

#include "kernel/sys.h"

#define DAY 86400

static char *digits(char *to, unsigned value, unsigned count)
{
    for (unsigned i = count; i--; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + count;
}

struct date date_text(uint64_t seconds)
{
    unsigned second = (unsigned)(seconds % DAY);
    unsigned days = (unsigned)(seconds / DAY) + 719468;   /* since 0000-03-01 */
    unsigned era = days / 146097, of_era = days % 146097; /* 400 years have 146,097 days */
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    unsigned day = of_year - (153 * from_march + 2) / 5 + 1;
    unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
    struct date d;
    char *at = digits(d.text, era * 400 + year + (month <= 2), 4);
    *at++ = '-';
    at = digits(at, month, 2);
    *at++ = '-';
    at = digits(at, day, 2);
    *at++ = 'T';
    at = digits(at, second / 3600, 2);
    *at++ = ':';
    at = digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = digits(at, second % 60, 2);
    *at++ = 'Z';
    *at = '\0';
    return d;
}

uint64_t date_now(void)
{
    return sys_clock_ns(CLOCK_REALTIME) / 1000000000;
}
