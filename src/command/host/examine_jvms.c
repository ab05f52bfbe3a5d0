/*
 * examine_jvms: the JVMs that programs of this host will run on.
 */
#define _GNU_SOURCE
#include "command/host/examine.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/host/program.h"

enum { JVMS_MOST = 64 };

struct jvms {
    char *paths[JVMS_MOST]; /* of the java programs, links resolved */
    int n;
};

static void note_jvm(struct jvms *j, const char *java)
{
    char *real = access(java, X_OK) == 0 ? realpath(java, NULL) : NULL;
    for (int i = 0; real && i < j->n; i++)
        if (strcmp(real, j->paths[i]) == 0) {
            free(real);
            return;
        }
    if (real && j->n < JVMS_MOST)
        j->paths[j->n++] = real;
}

static void find_jvms(struct jvms *j)
{
    char path[PATH_MAX];
    const char *home = getenv("JAVA_HOME");
    glob_t found;
    if (home && snprintf(path, sizeof path, "%s/bin/java", home) < (int)sizeof path)
        note_jvm(j, path);
    if (program_find("java", path) == 0)
        note_jvm(j, path);
    if (glob("/usr/lib/jvm/*/bin/java", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            note_jvm(j, found.gl_pathv[i]);
        globfree(&found);
    }
}

/* JAVA_VERSION="17.0.15" in the file "release" of the JVM's home; "" if it does not say. */
static void read_version(const char *java, char *version, size_t size)
{
    char path[PATH_MAX], line[200];
    const char *slash = strstr(java, "/bin/java");
    version[0] = '\0';
    snprintf(path, sizeof path, "%.*s/release", slash ? (int)(slash - java) : 0, java);
    FILE *release = fopen(path, "re");
    if (!release)
        return;
    while (fgets(line, sizeof line, release))
        if (strncmp(line, "JAVA_VERSION=\"", 14) == 0)
            snprintf(version, size, " %.*s", (int)strcspn(line + 14, "\"\n"), line + 14);
    fclose(release);
}

void examine_jvms(struct findings *f, const char *library)
{
    struct jvms jvms = { .n = 0 };
    char why[PATH_MAX + 200], version[64];
    find_jvms(&jvms);
    if (jvms.n == 0)
        finding(f, OK, "jvm", NULL, "none found in JAVA_HOME, PATH and /usr/lib/jvm");
    for (int i = 0; i < jvms.n; i++) {
        read_version(jvms.paths[i], version, sizeof version);
        if (program_reach(jvms.paths[i], library, why, sizeof why) == REACH_YES)
            finding(f, OK, "jvm", NULL, "%s%s can have the library", jvms.paths[i], version);
        else
            finding(f, PROBLEM, "jvm", "a dynamically linked JVM for glibc",
                    "%s%s cannot have the library: %s", jvms.paths[i], version, why);
        free(jvms.paths[i]);
    }
}
