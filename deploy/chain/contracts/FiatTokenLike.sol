// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

/// Test double of Circle's FiatTokenV2_2 (USDC): same EIP-712 domain, selectors, overloads and revert strings.
/// No constructor and no immutables, so that the runtime code can be placed at any address with anvil_setCode.
/// mint(), setBlacklisted() and setPaused() are open to everybody: for local chains only.
contract FiatTokenLike {
    string public constant name = "USDC";
    string public constant symbol = "USDC";
    string public constant version = "2";
    string public constant currency = "USD";
    uint8 public constant decimals = 6;
    uint256 public totalSupply;
    bool public paused;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => uint256) public nonces;
    mapping(address => bool) public isBlacklisted;
    mapping(address => mapping(bytes32 => bool)) private _used;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,"
        "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,"
        "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH =
        keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 public constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    modifier live() {
        require(!paused, "Pausable: paused");
        _;
    }

    modifier clean(address a) {
        require(!isBlacklisted[a], "Blacklistable: account is blacklisted");
        _;
    }

    // What only an owner may do on a real network.

    function mint(address to, uint256 v) external {
        totalSupply += v;
        balanceOf[to] += v;
        emit Transfer(address(0), to, v);
    }

    function setBlacklisted(address a, bool b) external {
        isBlacklisted[a] = b;
    }

    function setPaused(bool b) external {
        paused = b;
    }

    // Computed at each call: the code is placed, not constructed, and does not know its address before.
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                block.chainid,
                address(this)
            )
        );
    }

    function authorizationState(address a, bytes32 n) external view returns (bool) {
        return _used[a][n];
    }

    function transfer(address to, uint256 v) external live clean(msg.sender) clean(to) returns (bool) {
        _transfer(msg.sender, to, v);
        return true;
    }

    function approve(address s, uint256 v) external live clean(msg.sender) clean(s) returns (bool) {
        _approve(msg.sender, s, v);
        return true;
    }

    function transferFrom(address f, address t, uint256 v)
        external live clean(msg.sender) clean(f) clean(t) returns (bool)
    {
        require(v <= allowance[f][msg.sender], "ERC20: transfer amount exceeds allowance");
        _transfer(f, t, v);
        allowance[f][msg.sender] -= v;
        return true;
    }

    // Each of these exists twice, as on the real token: with the signature in three parts, and as bytes.

    function permit(address o, address s, uint256 v, uint256 deadline, uint8 sv, bytes32 r, bytes32 ss) external {
        permit(o, s, v, deadline, abi.encodePacked(r, ss, sv));
    }

    function permit(address o, address s, uint256 v, uint256 deadline, bytes memory sig)
        public live clean(o) clean(s)
    {
        require(deadline == type(uint256).max || deadline >= block.timestamp, "FiatTokenV2: permit is expired");
        bytes32 what = keccak256(abi.encode(PERMIT_TYPEHASH, o, s, v, nonces[o]++, deadline));
        require(_valid(o, what, sig), "EIP2612: invalid signature");
        _approve(o, s, v);
    }

    function transferWithAuthorization(
        address f, address t, uint256 v, uint256 va, uint256 vb, bytes32 n, uint8 sv, bytes32 r, bytes32 s
    ) external {
        transferWithAuthorization(f, t, v, va, vb, n, abi.encodePacked(r, s, sv));
    }

    function transferWithAuthorization(
        address f, address t, uint256 v, uint256 va, uint256 vb, bytes32 n, bytes memory sig
    ) public live clean(f) clean(t) {
        _authorized(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, f, t, v, va, vb, n, sig);
    }

    function receiveWithAuthorization(
        address f, address t, uint256 v, uint256 va, uint256 vb, bytes32 n, uint8 sv, bytes32 r, bytes32 s
    ) external {
        receiveWithAuthorization(f, t, v, va, vb, n, abi.encodePacked(r, s, sv));
    }

    function receiveWithAuthorization(
        address f, address t, uint256 v, uint256 va, uint256 vb, bytes32 n, bytes memory sig
    ) public live clean(f) clean(t) {
        require(t == msg.sender, "FiatTokenV2: caller must be the payee");
        _authorized(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, f, t, v, va, vb, n, sig);
    }

    function cancelAuthorization(address a, bytes32 n, uint8 v, bytes32 r, bytes32 s) external {
        cancelAuthorization(a, n, abi.encodePacked(r, s, v));
    }

    function cancelAuthorization(address a, bytes32 n, bytes memory sig) public live {
        require(!_used[a][n], "FiatTokenV2: authorization is used or canceled");
        bytes32 what = keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, a, n));
        require(_valid(a, what, sig), "FiatTokenV2: invalid signature");
        _used[a][n] = true;
        emit AuthorizationCanceled(a, n);
    }

    function _authorized(
        bytes32 typehash, address f, address t, uint256 v, uint256 va, uint256 vb, bytes32 n, bytes memory sig
    ) private {
        require(block.timestamp > va, "FiatTokenV2: authorization is not yet valid");
        require(block.timestamp < vb, "FiatTokenV2: authorization is expired");
        require(!_used[f][n], "FiatTokenV2: authorization is used or canceled");
        bytes32 what = keccak256(abi.encode(typehash, f, t, v, va, vb, n));
        require(_valid(f, what, sig), "FiatTokenV2: invalid signature");
        _used[f][n] = true;
        emit AuthorizationUsed(f, n);
        _transfer(f, t, v);
    }

    function _valid(address a, bytes32 structHash, bytes memory sig) private view returns (bool) {
        bytes32 h = keccak256(abi.encodePacked("\x19\x01", DOMAIN_SEPARATOR(), structHash));
        // A wallet that is a contract is asked (EIP-1271).
        if (a.code.length > 0) {
            bytes memory question = abi.encodeWithSignature("isValidSignature(bytes32,bytes)", h, sig);
            (bool ok, bytes memory out) = a.staticcall(question);
            return ok && out.length >= 32 && abi.decode(out, (bytes32)) == bytes32(bytes4(0x1626ba7e));
        }
        require(sig.length == 65, "ECRecover: invalid signature length");
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(0), bytes32(0), 0);
        assembly {
            r := mload(add(sig, 0x20))
            s := mload(add(sig, 0x40))
            v := byte(0, mload(add(sig, 0x60)))
        }
        // The upper half of the curve would be a second signature of the same.
        require(
            uint256(s) <= 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0,
            "ECRecover: invalid signature 's' value"
        );
        require(v == 27 || v == 28, "ECRecover: invalid signature 'v' value");
        address signer = ecrecover(h, v, r, s);
        require(signer != address(0), "ECRecover: invalid signature");
        return signer == a;
    }

    function _approve(address o, address s, uint256 v) private {
        allowance[o][s] = v;
        emit Approval(o, s, v);
    }

    function _transfer(address f, address t, uint256 v) private {
        require(t != address(0), "ERC20: transfer to the zero address");
        require(v <= balanceOf[f], "ERC20: transfer amount exceeds balance");
        balanceOf[f] -= v;
        balanceOf[t] += v;
        emit Transfer(f, t, v);
    }
}
