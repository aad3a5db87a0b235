/* SPDX-License-Identifier: Apache-2.0 */
#include "io/ssl_thread.h"

#include <openssl/crypto.h>

void fp_ssl_thread_end(void)
{
	OPENSSL_thread_stop();
}
