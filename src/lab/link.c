/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <string.h>

/*
 * The lab's cable: a veth pair between the two namespaces, with fixed hardware
 * addresses and fixed neighbour entries. So no ARP is spoken, and an end that
 * takes another hardware address is gone without a word: its kernel drops every
 * frame as somebody else's, and the sender learns nothing. (A link that is down
 * would be noticed as a lost carrier, a missing neighbour as unreachable.)
 */
#define DEVICE "eth0"

enum {
	REQUEST_SIZE = 1024,
	ANSWER_SIZE = 8192,
	IPV4_BITS = 30,
	IPV6_BITS = 64,
	MAC_SIZE = 6
};
enum { MAC_OF_NOBODY = 0xff };
/* Of linux/if.h, which hides its names when the C library's was read. */
enum { FLAG_UP = 1 };

struct request {
	struct nlmsghdr *header;
	char bytes[REQUEST_SIZE];
};

static void mac_of(unsigned host, unsigned char out[static MAC_SIZE])
{
	const unsigned char mac[MAC_SIZE] = {
		0x02, 0xcd, 0, 0, 0, (unsigned char)host
	};
	memcpy(out, mac, MAC_SIZE);
}

unsigned link_host(enum side_name name)
{
	return name == SIDE_SERVER ? 1 : 2;
}

static enum side_name other_side(const struct side *s)
{
	return s->name == SIDE_SERVER ? SIDE_CLIENT : SIDE_SERVER;
}

static void *request_start(struct request *r, int type, int flags, size_t extra_size)
{
	memset(r, 0, sizeof(*r));
	r->header = mnl_nlmsg_put_header(r->bytes);
	r->header->nlmsg_type = (uint16_t)type;
	r->header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r->header->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(r->header, extra_size);
}

/* Sends it and waits for the kernel's answer; errno says what it was. */
static int request_send(const struct side *s, const struct request *r)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	if (mnl_socket_sendto(s->rtnl, r->header, r->header->nlmsg_len) < 0)
		return -1;
	ssize_t len = mnl_socket_recvfrom(s->rtnl, answer, sizeof(answer));
	if (len < 0)
		return -1;
	return mnl_cb_run(answer, (size_t)len, r->header->nlmsg_seq,
			  mnl_socket_get_portid(s->rtnl), NULL, NULL) < 0
		       ? -1
		       : 0;
}

static int failed(const struct side *s, const char *what, struct error *err)
{
	return error_errno(err, errno, "cannot %s in the lab's %s namespace", what,
			   side_name(s->name));
}

int link_enter(struct side *s, size_t number, struct error *err)
{
	(void)number;
	if (unshare(CLONE_NEWNET))
		return failed(s, "make a network", err);
	s->rtnl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!s->rtnl || mnl_socket_bind(s->rtnl, 0, MNL_SOCKET_AUTOPID))
		return failed(s, "use rtnetlink", err);
	return 0;
}

static void put_device(struct nlmsghdr *header, enum side_name name)
{
	unsigned char mac[MAC_SIZE];
	mac_of(link_host(name), mac);
	mnl_attr_put_strz(header, IFLA_IFNAME, DEVICE);
	mnl_attr_put(header, IFLA_ADDRESS, MAC_SIZE, mac);
}

int link_create(struct side *s, size_t number, struct error *err)
{
	(void)number;
	struct request r;
	request_start(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
		      sizeof(struct ifinfomsg));
	put_device(r.header, SIDE_SERVER);
	struct nlattr *info = mnl_attr_nest_start(r.header, IFLA_LINKINFO);
	mnl_attr_put_strz(r.header, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(r.header, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(r.header, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r.header, sizeof(struct ifinfomsg));
	put_device(r.header, SIDE_CLIENT);
	mnl_attr_put_u32(r.header, IFLA_NET_NS_PID, (uint32_t)s->client_pid);
	mnl_attr_nest_end(r.header, peer);
	mnl_attr_nest_end(r.header, data);
	mnl_attr_nest_end(r.header, info);
	if (request_send(s, &r))
		return failed(s, "make a veth pair (kernel module veth)", err);
	return 0;
}

static int device_index(const struct side *s, const char *name)
{
	struct request r;
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	request_start(&r, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	r.header->nlmsg_flags = NLM_F_REQUEST;
	mnl_attr_put_strz(r.header, IFLA_IFNAME, name);
	if (mnl_socket_sendto(s->rtnl, r.header, r.header->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(s->rtnl, answer, sizeof(answer)) < 0)
		return 0;
	const struct nlmsghdr *reply = (const void *)answer;
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(reply);
	return reply->nlmsg_type == RTM_NEWLINK ? link->ifi_index : 0;
}

static int set_up(const struct side *s, const char *device, bool is_up)
{
	struct request r;
	struct ifinfomsg *link = request_start(&r, RTM_NEWLINK, 0, sizeof(*link));
	link->ifi_index = device_index(s, device);
	link->ifi_change = FLAG_UP;
	link->ifi_flags = is_up ? FLAG_UP : 0;
	return request_send(s, &r);
}

int link_up(struct side *s, size_t number, struct error *err)
{
	(void)number;
	if (set_up(s, "lo", true) || set_up(s, DEVICE, true))
		return failed(s, "set the link up", err);
	return 0;
}

int link_down(struct side *s, size_t number, struct error *err)
{
	(void)number;
	if (set_up(s, DEVICE, false))
		return failed(s, "set the link down", err);
	return 0;
}

static void put_ip(struct nlmsghdr *header, uint16_t type, int family,
		   enum side_name name)
{
	unsigned host = link_host(name);
	struct in6_addr six;
	inet_pton(AF_INET6, LINK_IPV6_PREFIX, &six);
	six.s6_addr[15] = (uint8_t)host;
	struct in_addr four;
	inet_pton(AF_INET, LINK_IPV4_PREFIX "0", &four);
	four.s_addr |= htonl(host);
	if (family == AF_INET6)
		mnl_attr_put(header, type, sizeof(six), &six);
	else
		mnl_attr_put(header, type, sizeof(four), &four);
}

static int change_address(const struct side *s, int type, int flags, int family)
{
	struct request r;
	struct ifaddrmsg *address = request_start(&r, type, flags, sizeof(*address));
	address->ifa_family = (uint8_t)family;
	address->ifa_prefixlen = family == AF_INET ? IPV4_BITS : IPV6_BITS;
	address->ifa_flags = family == AF_INET ? 0 : IFA_F_NODAD;
	address->ifa_index = (uint32_t)device_index(s, DEVICE);
	put_ip(r.header, IFA_LOCAL, family, s->name);
	put_ip(r.header, IFA_ADDRESS, family, s->name);
	return request_send(s, &r);
}

static int change_neighbour(const struct side *s, int type, int flags, int family,
			    unsigned host)
{
	struct request r;
	unsigned char mac[MAC_SIZE];
	struct ndmsg *neighbour = request_start(&r, type, flags, sizeof(*neighbour));
	neighbour->ndm_family = (uint8_t)family;
	neighbour->ndm_ifindex = device_index(s, DEVICE);
	neighbour->ndm_state = NUD_PERMANENT;
	put_ip(r.header, NDA_DST, family, other_side(s));
	mac_of(host, mac);
	mnl_attr_put(r.header, NDA_LLADDR, MAC_SIZE, mac);
	return request_send(s, &r);
}

enum { NEW = NLM_F_CREATE | NLM_F_REPLACE };

static int add_family(const struct side *s, int family)
{
	return change_address(s, RTM_NEWADDR, NEW, family) ||
			       change_neighbour(s, RTM_NEWNEIGH, NEW, family,
						link_host(other_side(s)))
		       ? -1
		       : 0;
}

int link_address(struct side *s, size_t number, struct error *err)
{
	(void)number;
	if (add_family(s, AF_INET))
		return failed(s, "set the addresses", err);
	/* A host without IPv6 shows the same with IPv4 alone. */
	s->has_ipv6 = !s->options->state->is_ipv4_only && add_family(s, AF_INET6) == 0;
	return 0;
}

int link_silence(struct side *s, size_t number, struct error *err)
{
	(void)number;
	struct request r;
	unsigned char mac[MAC_SIZE];
	struct ifinfomsg *link = request_start(&r, RTM_NEWLINK, 0, sizeof(*link));
	link->ifi_index = device_index(s, DEVICE);
	mac_of(MAC_OF_NOBODY, mac);
	mnl_attr_put(r.header, IFLA_ADDRESS, MAC_SIZE, mac);
	if (request_send(s, &r))
		return failed(s, "silence the link", err);
	return 0;
}

int link_lose_address(struct side *s, size_t number, struct error *err)
{
	(void)number;
	if (change_address(s, RTM_DELADDR, 0, AF_INET))
		return failed(s, "remove the address", err);
	return 0;
}

int link_forget_neighbour(struct side *s, size_t number, struct error *err)
{
	(void)number;
	if (change_neighbour(s, RTM_DELNEIGH, 0, AF_INET, link_host(other_side(s))))
		return failed(s, "forget the neighbour", err);
	return 0;
}

int link_lose(struct side *s, bool is_losing, struct error *err)
{
	unsigned host = is_losing ? MAC_OF_NOBODY : link_host(other_side(s));
	if (change_neighbour(s, RTM_NEWNEIGH, NEW, AF_INET, host) ||
	    (s->has_ipv6 && change_neighbour(s, RTM_NEWNEIGH, NEW, AF_INET6, host)))
		return failed(s, "change the neighbour", err);
	return 0;
}
