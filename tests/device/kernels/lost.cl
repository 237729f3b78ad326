/* SPDX-License-Identifier: Apache-2.0
 *
 * Includes what is not there. */
#include "part/absent.clh"
