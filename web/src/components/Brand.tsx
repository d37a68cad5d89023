/** The sign over the door: a house with a keyhole. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true" focusable="false">
      <defs>
        <linearGradient id="mark" x1="0" y1="0" x2="1" y2="1">
          <stop offset="0" stopColor="#5563ee" />
          <stop offset="1" stopColor="#8b5cf6" />
        </linearGradient>
      </defs>
      <rect width="64" height="64" rx="17" fill="url(#mark)" />
      <path d="M32 13 14.500 27.500V48a3 3 0 0 0 3 3h29a3 3 0 0 0 3-3V27.500z" fill="#fff" />
      <path
        d="M32 28.500a5.600 5.600 0 0 0-2.700 10.500l-1.500 6.500h8.400l-1.500-6.500A5.600 5.600 0 0 0 32 28.500z"
        fill="#5a5ff0"
      />
    </svg>
  )
}
