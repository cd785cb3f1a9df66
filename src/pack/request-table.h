/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PACK_REQUEST_TABLE_H
#define PACK_REQUEST_TABLE_H
/*
 * The knowledge of requests.c about the kernel's source: the functions by which a module requests
 * others, strings that are not requests, and requests that the strings of a module do not show.
 * Data only, with the reason of each row; included by requests.c alone.
 */

enum request_class {
	REQUEST_NEEDED,	  /* the device or feature cannot work without it */
	REQUEST_OPTIONAL, /* some configurations request it */
	REQUEST_NONE,	  /* it is not requested */
};

enum request_kind {
	REQUEST_NAME,	   /* PREFIX and the string: the name or alias of a module, or a format */
	REQUEST_ALGORITHM, /* a crypto algorithm, templates nested: ccm(aes) */
	REQUEST_FIXED,	   /* PREFIX alone is the request, whatever the strings are */
};

/*
 * A module that imports a function which matches FUNCTION (fnmatch) requests the modules that its
 * strings name in this way; with ONLY, the strings that start with it.
 */
static const struct {
	const char *function;
	enum request_kind kind;
	const char *prefix, *only;
	const char *reason;
} request_functions[] = {
	{ "__request_module", REQUEST_NAME, "", NULL, "request_module() itself, kernel/kmod.c" },
	{ "crypto_alloc_*", REQUEST_ALGORITHM, "crypto-", NULL,
	  "crypto_larval_lookup(), crypto/api.c: \"crypto-%s\"" },
	{ "crypto_has_*", REQUEST_ALGORITHM, "crypto-", NULL, "looks up as crypto_alloc_* does" },
	{ "crypto_grab_*", REQUEST_ALGORITHM, "crypto-", NULL,
	  "a template takes its parts by name, crypto/algapi.c" },
	{ "load_nls", REQUEST_NAME, "nls_", NULL, "fs/nls/nls_base.c: \"nls_%s\"" },
	{ "load_nls_default", REQUEST_FIXED, "nls_utf8", NULL,
	  "load_nls(CONFIG_NLS_DEFAULT), utf8 in every distribution" },
	{ "v4l2_i2c_new_subdev*", REQUEST_NAME, "i2c:", NULL,
	  "v4l2-i2c.c: I2C_MODULE_PREFIX and the type of the chip" },
	{ "dvb_module_probe", REQUEST_NAME, "", NULL, "dvbdev.c: the first argument" },
	{ "rc_map_get", REQUEST_NAME, "", "rc-", "rc-main.c: a keymap by name" },
	{ "rc_register_device", REQUEST_NAME, "", "rc-", "calls rc_map_get(dev->map_name)" },
	{ "devm_rc_register_device", REQUEST_NAME, "", "rc-", "the same" },
	{ "dvb_usb_device_init", REQUEST_NAME, "", "rc-",
	  "dvb-usb-remote.c registers an rc device" },
	{ "dvb_usbv2_probe", REQUEST_NAME, "", "rc-", "dvb_usb_core.c registers an rc device" },
	{ "do_map_probe", REQUEST_NAME, "", NULL, "drivers/mtd/chips/chipreg.c: \"%s\"" },
	{ "usb_get_function_instance", REQUEST_NAME, "usbfunc:", NULL,
	  "drivers/usb/gadget/functions.c: \"usbfunc:%s\"" },
};

/* Strings that equal the name of a module, or match one, by accident. */
static const struct {
	const char *string, *reason;
} request_words[] = {
	{ "analog", "a video input; the module is a joystick driver" },
	{ "ctr", "as a whole string the name of an IV or counter; alone it is no algorithm" },
	{ "cts", "a serial line's signal; alone it is no algorithm" },
	{ "ecb", "a mode alone is no algorithm" },
	{ "eeprom", "a word of messages and debugfs" },
	{ "faulty", "the state of a disk of an array" },
	{ "linear", "a target, a level or a scale" },
	{ "multipath", "the target's own name" },
	{ "option", "a word of parsers; the module is a serial driver" },
	{ "overlay", "a video plane; the module is a file system" },
	{ "usb-%s-%s", "the bus_info of video devices" },
	{ "user", "a kind of key or mode; crypto_user is a netlink interface" },
	{ "virtio", "a transport's name" },
};

/*
 * Corrections, in order; a later row overrides an earlier one. REQUEST is matched (fnmatch) against
 * the names and aliases of modules, with '-' as '_'; "*" means all requests found so far.
 */
static const struct {
	const char *module, *request;
	enum request_class class;
	const char *reason;
} request_exceptions[] = {
	/* algorithms that user space chooses */
	{ "algif_*", "crypto_*", REQUEST_OPTIONAL, "AF_ALG: any algorithm" },
	{ "dm_crypt", "*", REQUEST_OPTIONAL, "cipher and IV are words of the table" },
	{ "dm_crypt", "crypto_*", REQUEST_OPTIONAL, "cipher and IV are words of the table" },
	{ "dm_integrity", "crypto_*", REQUEST_OPTIONAL,
	  "digest and cipher are words of the table" },
	{ "dm_verity", "crypto_*", REQUEST_OPTIONAL, "the digest is a word of the table" },
	{ "drbd", "crypto_*", REQUEST_OPTIONAL, "digests are options of the resource" },
	{ "ecryptfs", "crypto_*", REQUEST_OPTIONAL, "the cipher is a mount option" },
	{ "tcrypt", "*", REQUEST_OPTIONAL, "a benchmark: any algorithm" },
	{ "tls", "*", REQUEST_OPTIONAL, "the peers agree on one cipher" },
	{ "xfrm_algo", "*", REQUEST_OPTIONAL, "IPsec: chosen by the policy" },
	{ "esp[46]", "crypto_*", REQUEST_OPTIONAL, "IPsec: chosen by the policy" },
	{ "ah[46]", "crypto_*", REQUEST_OPTIONAL, "IPsec: chosen by the policy" },
	{ "xfrm_ipcomp", "crypto_*", REQUEST_OPTIONAL, "IPsec: chosen by the policy" },
	{ "zram", "*", REQUEST_OPTIONAL, "comp_algorithm is written to sysfs" },
	{ "zram", "crypto_lzo_rle", REQUEST_NEEDED, "the default algorithm" },
	{ "ubifs", "*", REQUEST_NEEDED,
	  "each compressor is opened when it loads, fs/ubifs/compress.c" },
	{ "f2fs", "crypto_lz4", REQUEST_NONE, "compresses through lib/lz4, not the crypto API" },
	{ "f2fs", "crypto_zstd", REQUEST_NONE, "compresses through lib/zstd" },
	{ "btrfs", "crypto_zstd", REQUEST_NONE, "compresses through lib/zstd" },
	{ "btrfs", "*", REQUEST_OPTIONAL, "the file system's checksum is one of several" },
	{ "btrfs", "crypto_crc32c", REQUEST_NEEDED, "the default checksum" },
	{ "cifs", "nls_*", REQUEST_OPTIONAL, "iocharset=" },
	{ "adiantum", "crypto_xchacha*", REQUEST_NONE,
	  "compares the name of the cipher it is given" },

	/* one of several that the configuration chooses */
	{ "nfs", "nfsv[0-9]", REQUEST_OPTIONAL, "\"nfsv%d\": vers=" },
	{ "nfs", "nfsv[34]", REQUEST_NEEDED, "the versions that mount.nfs tries" },
	{ "nfs", "nfs_acl", REQUEST_NONE, "a service's name" },
	{ "nfsv4", "nfsv3", REQUEST_OPTIONAL, "flexfiles with NFSv3 data servers" },
	{ "nfsv4", "nfs_layouttype4_*", REQUEST_OPTIONAL, "\"%s-%u\": pNFS layouts" },
	{ "fat", "nls_*", REQUEST_OPTIONAL, "codepage= and iocharset=" },
	{ "fat", "nls_cp437", REQUEST_NEEDED, "CONFIG_FAT_DEFAULT_CODEPAGE" },
	{ "fat", "nls_ascii", REQUEST_NEEDED, "CONFIG_FAT_DEFAULT_IOCHARSET" },
	{ "isofs", "nls_*", REQUEST_OPTIONAL, "iocharset=" },
	{ "udf", "nls_*", REQUEST_OPTIONAL, "iocharset=" },
	{ "hfs", "nls_*", REQUEST_OPTIONAL, "iocharset= and codepage=" },
	{ "hfsplus", "nls_*", REQUEST_OPTIONAL, "nls=" },
	{ "jfs", "nls_*", REQUEST_OPTIONAL, "iocharset=" },
	{ "befs", "nls_*", REQUEST_OPTIONAL, "iocharset=" },
	{ "ntfs3", "nls_*", REQUEST_OPTIONAL, "iocharset=" },
	{ "exfat", "nls_*", REQUEST_OPTIONAL, "iocharset=, utf8 is built in" },
	{ "vboxsf", "nls_*", REQUEST_OPTIONAL, "nls=" },
	{ "dlm", "sctp", REQUEST_OPTIONAL, "the protocol is an option of the cluster" },
	{ "iscsi_target_mod", "*", REQUEST_OPTIONAL, "transports and CHAP digests are configured" },
	{ "iscsi_target_mod", "crypto_crc32c", REQUEST_NEEDED, "iscsi_login_setup_crypto()" },
	{ "target_core_mod", "*", REQUEST_OPTIONAL, "backends and fabrics are configured" },
	{ "physmap", "*", REQUEST_OPTIONAL, "the type of the map comes with the device" },
	{ "rds", "*", REQUEST_OPTIONAL, "one transport of two" },
	{ "atm", "*", REQUEST_OPTIONAL, "an ioctl of the daemon of each" },
	{ "atm", "clip", REQUEST_OPTIONAL, "ATMARP_MKIP" },
	{ "atm", "lec", REQUEST_OPTIONAL, "ATMLEC_CTRL" },
	{ "hostap", "*", REQUEST_OPTIONAL, "the cipher of the network" },
	{ "libipw", "*", REQUEST_OPTIONAL, "the cipher of the network" },
	{ "rtllib", "*", REQUEST_OPTIONAL, "the cipher of the network" },
	{ "md_mod", "*", REQUEST_OPTIONAL, "the level of the array" },
	{ "nft_compat", "*", REQUEST_OPTIONAL, "the rule names it" },
	{ "nf_conntrack_netlink", "*", REQUEST_OPTIONAL, "the message names it" },
	{ "nfnetlink_log", "*", REQUEST_OPTIONAL, "NFULNL_CFG_F_CONNTRACK" },
	{ "nfnetlink_queue", "*", REQUEST_OPTIONAL, "NFQA_CFG_F_CONNTRACK" },
	{ "nf_conntrack", "*", REQUEST_OPTIONAL, "a bridge or a helper asks for it" },
	{ "nvme_fabrics", "*", REQUEST_OPTIONAL, "the transport is an option" },

	/* arguments that are not in the strings */
	{ "x_tables", "xt_*", REQUEST_OPTIONAL, "\"%st_%s\" of xt_prefix[] and the rule's word" },
	{ "x_tables", "ipt_*", REQUEST_OPTIONAL, "the same, IPv4" },
	{ "x_tables", "ip6t_*", REQUEST_OPTIONAL, "the same, IPv6" },
	{ "x_tables", "arpt_*", REQUEST_OPTIONAL, "the same, ARP" },
	{ "x_tables", "ebt_*", REQUEST_OPTIONAL, "the same, bridges" },
	{ "x_tables", "iptable_*", REQUEST_OPTIONAL, "\"%stable_%s\"" },
	{ "x_tables", "ip6table_*", REQUEST_OPTIONAL, "\"%stable_%s\"" },
	{ "x_tables", "arptable_*", REQUEST_OPTIONAL, "\"%stable_%s\"" },
	{ "ebtables", "ebtable_*", REQUEST_OPTIONAL, "\"%s%s\" of a prefix and the table" },
	{ "ip_tables", "iptable_*", REQUEST_OPTIONAL, "xt_request_find_table_lock()" },
	{ "ip6_tables", "ip6table_*", REQUEST_OPTIONAL, "xt_request_find_table_lock()" },
	{ "arp_tables", "arptable_*", REQUEST_OPTIONAL, "xt_request_find_table_lock()" },
	{ "pppox", "*", REQUEST_NONE, "the family of its format is AF_PPPOX alone" },
	{ "pppox", "net_pf_24_proto_*", REQUEST_OPTIONAL, "AF_PPPOX" },
	{ "phonet", "*", REQUEST_NONE, "the family of its format is PF_PHONET alone" },
	{ "phonet", "net_pf_35_proto_*", REQUEST_OPTIONAL, "PF_PHONET" },
	{ "soundcore", "*", REQUEST_NONE, "the major of its format is SOUND_MAJOR alone" },
	{ "soundcore", "char_major_14_*", REQUEST_OPTIONAL, "SOUND_MAJOR" },
	{ "soundcore", "sound_slot_*", REQUEST_OPTIONAL, "a device node that is opened" },
	{ "soundcore", "sound_service_*", REQUEST_OPTIONAL, "a device node that is opened" },
	{ "dm_multipath", "*", REQUEST_NONE, "its format is for path selectors alone" },
	{ "dm_multipath", "dm_round_robin", REQUEST_OPTIONAL, "path selector" },
	{ "dm_multipath", "dm_queue_length", REQUEST_OPTIONAL, "path selector" },
	{ "dm_multipath", "dm_service_time", REQUEST_OPTIONAL, "path selector" },
	{ "dm_multipath", "dm_historical_service_time", REQUEST_OPTIONAL, "path selector" },
	{ "dm_multipath", "dm_io_affinity", REQUEST_OPTIONAL, "path selector" },
	{ "dm_multipath", "scsi_dh_*", REQUEST_OPTIONAL, "scsi_dh_attach(), through scsi_mod" },
	{ "sunrpc", "*", REQUEST_NONE, "names of services and programs" },
	{ "sunrpc", "rpcrdma", REQUEST_OPTIONAL, "\"rpc%s\", \"svc%s\": transports" },
	{ "sunrpc", "rpc_auth_[0-9]*", REQUEST_OPTIONAL, "\"rpc-auth-%u\"" },
	{ "snd_seq_device", "*", REQUEST_NONE, "its format is for sequencer drivers alone" },
	{ "snd_seq_device", "snd_seq_midi", REQUEST_OPTIONAL,
	  "\"snd-%s\", SNDRV_SEQ_DEV_ID_MIDISYNTH" },
	{ "snd_seq_device", "snd_opl[34]_synth", REQUEST_OPTIONAL,
	  "\"snd-%s\", SNDRV_SEQ_DEV_ID_OPL*" },
	{ "snd_seq_device", "snd_emu8000_synth", REQUEST_OPTIONAL, "\"snd-%s\"" },
	{ "snd_seq_device", "snd_emu10k1_synth", REQUEST_OPTIONAL, "\"snd-%s\"" },
	{ "snd", "*", REQUEST_OPTIONAL, "a device node that is opened" },
	{ "snd_timer", "*", REQUEST_OPTIONAL, "a timer that is opened" },
	{ "brcmfmac", "brcmfmac_*", REQUEST_NEEDED, "the half of the firmware's vendor" },
	{ "9pnet", "9p", REQUEST_NONE, "the file system is its user" },
	{ "ocfs2_stackglue", "ocfs2", REQUEST_NONE, "the file system is its user" },
	{ "ocfs2_stackglue", "ocfs2_stack_*", REQUEST_OPTIONAL, "the cluster stack" },
	{ "gen_probe", "cfi_cmdset_*", REQUEST_NEEDED, "the command set of the flash" },
	{ "parport", "parport_pc", REQUEST_OPTIONAL, "parport_lowlevel, an alias of modprobe.d" },

	/* names that are too short to be found */
	{ "pcmcia_core", "pcmcia", REQUEST_NEEDED, "ds.c: the cards' bus" },
	{ "snd_hda_core", "i915", REQUEST_OPTIONAL, "HDMI sound of Intel's graphics alone" },
};

#endif
