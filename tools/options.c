/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of a command, from its table: parsing and --help. */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tool_usage(const char *command, const char *format, ...)
{
    char text[CLX_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tool_fail("%s: %s (see clxlstm %s --help)", command, text, command);
    return TOOL_USAGE;
}

static void print_option(const char *name, char letter, const char *value, const char *help)
{
    char left[64];
    int used =
        letter ? snprintf(left, sizeof left, "-%c, --%s", letter, name) : snprintf(left, sizeof left, "--%s", name);
    if (value && used > 0 && (size_t)used < sizeof left)
        snprintf(left + used, sizeof left - (size_t)used, " %s", value);
    printf("  %-22s %s\n", left, help);
}

static void print_help(const tool_syntax *syntax)
{
    printf("usage: clxlstm %s%s%s\n\n%s\n", syntax->command, *syntax->synopsis ? " " : "", syntax->synopsis,
           syntax->help);
    printf("options:\n");
    for (size_t index = 0; index < syntax->option_count; ++index) {
        const tool_option *option = &syntax->options[index];
        print_option(option->name, option->letter, option->value, option->help);
    }
    print_option("help", 0, NULL, "prints this text");
}

/* The option that `argument` spells; for "--name=value" also where the value starts. */
static const tool_option *find_option(const tool_syntax *syntax, const char *argument, const char **value)
{
    *value = NULL;
    for (size_t index = 0; index < syntax->option_count; ++index) {
        const tool_option *option = &syntax->options[index];
        size_t length = strlen(option->name);
        if (argument[1] != '-') {
            if (option->letter && argument[1] == option->letter && argument[2] == '\0') return option;
            continue;
        }
        if (strncmp(argument + 2, option->name, length)) continue;
        if (argument[2 + length] == '=') *value = argument + 2 + length + 1;
        if (argument[2 + length] == '\0' || *value) return option;
    }
    return NULL;
}

static bool parse_count(const char *text, uint64_t *out)
{
    char *end = NULL;
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end) return false;
    *out = value;
    return true;
}

/* Stores one option; `next` counts the arguments taken. */
static bool take_option(const tool_syntax *syntax, const char *argument, int argc, char **argv, int *next)
{
    const char *value;
    const tool_option *option = find_option(syntax, argument, &value);
    if (!option) return tool_usage(syntax->command, "unknown option '%s'", argument), false;
    if (option->kind == TOOL_FLAG) {
        if (value) return tool_usage(syntax->command, "--%s takes no value", option->name), false;
        *(bool *)option->target = true;
        return true;
    }
    if (!value) {
        if (*next >= argc) return tool_usage(syntax->command, "--%s needs a value", option->name), false;
        value = argv[(*next)++];
    }
    if (option->kind == TOOL_COUNT) {
        if (parse_count(value, option->target)) return true;
        return tool_usage(syntax->command, "--%s: '%s' is not a number", option->name, value), false;
    }
    *(const char **)option->target = value;
    return true;
}

tool_parsed tool_parse(const tool_syntax *syntax, int argc, char **argv, size_t *operand_count)
{
    size_t count = 0;
    bool only_operands = false;
    for (int next = 1; next < argc;) {
        char *argument = argv[next++];
        if (!only_operands && !strcmp(argument, "--")) {
            only_operands = true;
        } else if (!only_operands && (!strcmp(argument, "--help") || !strcmp(argument, "-h"))) {
            print_help(syntax);
            return TOOL_PARSED_HELP;
        } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
            if (!take_option(syntax, argument, argc, argv, &next)) return TOOL_PARSED_WRONG;
        } else {
            if (count == syntax->operands_max) {
                tool_usage(syntax->command, "unexpected argument '%s'", argument);
                return TOOL_PARSED_WRONG;
            }
            argv[count++] = argument;
        }
    }
    if (count < syntax->operands_min) {
        tool_usage(syntax->command, "expected %s", syntax->synopsis);
        return TOOL_PARSED_WRONG;
    }
    *operand_count = count;
    return TOOL_PARSED;
}
