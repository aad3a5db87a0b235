/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_SSL_THREAD_H
#define FP_IO_SSL_THREAD_H

/* In a thread of fp_work, at the end of a job that spoke TLS or hashed passwords:
 * OpenSSL keeps things for each thread until that ends, and threads of the pool
 * may live when the process ends.  It makes them anew when it wants them.
 * Source: OPENSSL_thread_stop(3). */
void fp_ssl_thread_end(void);

#endif
